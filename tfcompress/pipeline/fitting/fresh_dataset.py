"""A data set that draws as if it had never been read."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

_IGNORED_STATE = 1
_PARALLEL = ("ParallelMapDataset", "ParallelMapDatasetV2")
# Where the two seeds of an operation begin, and the node that holds how often it drew.
_SEEDS = {
    "ShuffleDatasetV3": (2, 4),
    "ShuffleAndRepeatDatasetV2": (2, 5),
    "RandomDataset": (0, None),
    "RandomDatasetV2": (0, 2),
}
_RESHUFFLE = "reshuffle_each_iteration"


def fresh_dataset(data: Any, seed: int) -> tuple[Any, bool]:
    """Returns a `tf.data.Dataset` that draws as if it had never been read.

    The order of a data set that is shuffled anew each time depends on how often it was
    read before, by whomever. Its copy draws from seeds that start anew. What was given
    no seed, a shuffling or a random function of TensorFlow in `map`, gets one; but not
    a shuffling that is the same each time, by which the data may have been split.

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
        same = _RESHUFFLE in node.attr and not node.attr[_RESHUFFLE].b
        if node.op not in _SEEDS or same:
            continue
        before = [nodes[name.partition(":")[0]] for name in node.input]
        place, memory = _SEEDS[node.op]
        if memory is not None:
            _start_anew(before[memory])
        _give_seed(before[place : place + 2], int(next(new)))
    functions = _functions_in_order(graph)
    for function in functions:
        _draw_seeds(function)
    random = _random_operations(functions)
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


def _has_seed(constants: Sequence[Any]) -> bool:
    return any(tf.make_ndarray(each.attr["value"].tensor) for each in constants)


def _give_seed(constants: Sequence[Any], seed: int) -> None:
    """Puts a seed into the two constants of an operation that has none."""
    if not _has_seed(constants):
        value = tf.make_tensor_proto(seed, tf.int64, shape=[])
        constants[0].attr["value"].tensor.CopyFrom(value)


def _draw_seeds(function: Any) -> None:
    """Lets a function that makes data sets draw the seeds that these were not given.

    It draws others in each call, as TensorFlow does, but from an operation with a seed.
    """
    nodes = {node.name: node for node in function.node_def}
    for node in list(function.node_def):
        if node.op not in _SEEDS:
            continue
        place, _ = _SEEDS[node.op]
        names = [name.partition(":")[0] for name in node.input[place : place + 2]]
        seeds = [nodes[name] for name in names if name in nodes]
        constant = len(seeds) == 2 and all(each.op == "Const" for each in seeds)
        if not constant or _has_seed(seeds):
            continue
        bounds = {
            "shape": tf.make_tensor_proto([], tf.int32),
            "least": tf.make_tensor_proto(1, tf.int64, shape=[]),
            "bound": tf.make_tensor_proto(2**62, tf.int64, shape=[]),
        }
        drawn = function.node_def.add(name=f"{node.name}/drawn", op="RandomUniformInt")
        for key, value in bounds.items():
            given = function.node_def.add(name=f"{node.name}/{key}", op="Const")
            given.attr["value"].tensor.CopyFrom(value)
            given.attr["dtype"].type = value.dtype
            drawn.input.append(f"{given.name}:output:0")
        drawn.attr["T"].type = tf.int32.as_datatype_enum
        drawn.attr["Tout"].type = tf.int64.as_datatype_enum
        drawn.attr["seed"].i = drawn.attr["seed2"].i = 0
        node.input[place] = f"{drawn.name}:output:0"


def _take_turns(constant: Any) -> None:
    """Lets calls of a function that draws at random come one after the other.

    TensorFlow does so itself in deterministic mode, but for a data set within another.
    """
    kind = tf.as_dtype(constant.attr["dtype"].type)
    value = tf.make_tensor_proto(1, kind, shape=[])
    constant.attr["value"].tensor.CopyFrom(value)


def _functions_in_order(graph: Any) -> list[Any]:
    """Returns the functions of a data set in the order in which they are called.

    Their names, and so their order in the graph, depend on what the process did before.
    """
    library = {each.signature.name: each for each in graph.library.function}
    found: dict[str, Any] = {}

    def visit(nodes: Iterable[Any]) -> None:
        for node in nodes:
            for _, value in sorted(node.attr.items()):
                for called in (value.func, *value.list.func):
                    if called.name in library and called.name not in found:
                        found[called.name] = library[called.name]
                        visit(library[called.name].node_def)

    visit(graph.node)
    return list(found.values())


def _random_operations(functions: Sequence[Any]) -> list[Any]:
    """Returns the nodes in functions of a data set that draw from a seed."""
    nodes = (node for each in functions for node in each.node_def)
    return [node for node in nodes if {"seed", "seed2"} <= set(node.attr)]
