"""A data set that shuffles as if it had never been read."""

from typing import Any

import tensorflow as tf

_IGNORED_STATE = 1
_PLACE_OF_SEEDS = {"ShuffleDatasetV3": 4, "ShuffleAndRepeatDatasetV2": 5}


def fresh_dataset(data: Any) -> Any:
    """Returns a `tf.data.Dataset` that shuffles as if it had never been read.

    The order of a data set that is shuffled anew each time depends on how often it was
    read before, by whomever. Its copy draws from seeds that start anew.

    Args:
        data: A `tf.data.Dataset`.

    Returns:
        A copy; the data set itself where TensorFlow cannot write it as a graph, as one
        of more than 2 GB in memory.

    Example:
    ```python
    import tensorflow as tf
    from tfcompress.pipeline.fitting.fresh_dataset import fresh_dataset

    data = tf.data.Dataset.range(9).shuffle(9, seed=1)
    list(data)
    fresh = fresh_dataset(data)
    ```
    """
    try:
        written = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(data),
            external_state_policy=_IGNORED_STATE,
        )
    except (tf.errors.OpError, ValueError):
        return data
    graph = tf.compat.v1.GraphDef.FromString(written.numpy())
    nodes = {node.name: node for node in graph.node}
    for node in list(graph.node):
        if node.op in _PLACE_OF_SEEDS:
            seeds = nodes[node.input[_PLACE_OF_SEEDS[node.op]].partition(":")[0]]
            name = seeds.name
            seeds.Clear()
            seeds.name, seeds.op = name, "DummySeedGenerator"
    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return tf.data.experimental.from_variant(variant, data.element_spec)
