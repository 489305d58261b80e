"""A data set that draws as if it had never been read."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

_IGNORED_STATE = 1
_PLACE_OF_SEEDS = {"ShuffleDatasetV3": 4, "ShuffleAndRepeatDatasetV2": 5}
_SEEDS = slice(2, 4)
_PARALLEL = ("ParallelMapDataset", "ParallelMapDatasetV2")


def fresh_dataset(data: Any, seed: int) -> tuple[Any, bool]:
    """Returns a `tf.data.Dataset` that draws as if it had never been read.

    The order of a data set that is shuffled anew each time depends on how often it was
    read before, by whomever. Its copy draws from seeds that start anew. What was given
    no seed, a shuffling or a random function of TensorFlow in `map`, gets one.

    Args:
        data: A `tf.data.Dataset`.
        seed: Of what was given none, a whole number of 0 or more.

    Returns:
        A copy; the data set itself where TensorFlow cannot write it as a graph, as one
        of more than 2 GB in memory, or with a Keras layer in `map`. And whether its
        functions draw at random, so that an epoch depends on all those read before.

    Example:
    ```python
    import tensorflow as tf
    from tfcompress.pipeline.fitting.fresh_dataset import fresh_dataset

    data = tf.data.Dataset.range(9).shuffle(9, seed=1)
    list(data)
    fresh, _ = fresh_dataset(data, seed=0)
    ```
    """
    try:
        written = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(data),
            external_state_policy=_IGNORED_STATE,
        )
    except (tf.errors.OpError, ValueError):
        return data, False
    graph = tf.compat.v1.GraphDef.FromString(written.numpy())
    nodes = {node.name: node for node in graph.node}
    new = iter(np.random.default_rng(seed).integers(1, 2**31, size=len(graph.node)))
    for node in list(graph.node):
        if node.op in _PLACE_OF_SEEDS:
            before = [nodes[name.partition(":")[0]] for name in node.input]
            _start_anew(before[_PLACE_OF_SEEDS[node.op]])
            _give_seed(before[_SEEDS], int(next(new)))
    random = _random_operations(graph)
    drawn = np.random.default_rng([seed, 1]).integers(1, 2**31, size=len(random))
    for operation, number in zip(random, drawn, strict=True):
        if not operation.attr["seed"].i and not operation.attr["seed2"].i:
            operation.attr["seed"].i = int(number)
    if random and is_op_determinism_enabled():
        for node in graph.node:
            if node.op in _PARALLEL:
                _take_turns(nodes[node.input[-1].partition(":")[0]])
    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    fresh = tf.data.experimental.from_variant(variant, data.element_spec)
    return fresh, bool(random)


def _start_anew(seeds: Any) -> None:
    """Makes of the node that holds where a shuffling is one that has not begun."""
    name = seeds.name
    seeds.Clear()
    seeds.name, seeds.op = name, "DummySeedGenerator"


def _give_seed(constants: Sequence[Any], seed: int) -> None:
    """Puts a seed into the two constants of a shuffling that has none."""
    if not any(tf.make_ndarray(each.attr["value"].tensor) for each in constants):
        value = tf.make_tensor_proto(seed, tf.int64, shape=[])
        constants[0].attr["value"].tensor.CopyFrom(value)


def _take_turns(constant: Any) -> None:
    """Lets calls of a function that draws at random come one after the other.

    TensorFlow does so itself in deterministic mode, but for a data set within another.
    """
    kind = tf.as_dtype(constant.attr["dtype"].type)
    value = tf.make_tensor_proto(1, kind, shape=[])
    constant.attr["value"].tensor.CopyFrom(value)


def _random_operations(graph: Any) -> list[Any]:
    """Returns the nodes in functions of a data set that draw from a seed."""
    nodes = (node for each in graph.library.function for node in each.node_def)
    return [node for node in nodes if {"seed", "seed2"} <= set(node.attr)]
