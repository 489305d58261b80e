"""Finds layers whose channels go to one other layer and nowhere else."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfcompress.graph.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.grouped_kernel import has_grouped_kernel, is_stock, read_grouped

_HOMOGENEOUS_ACTIVATIONS = ("leaky_relu", "linear", "relu")

_HOMOGENEOUS = frozenset(
    [
        *(
            f"{where}{name}Pooling{axes}D"
            for axes in (1, 2, 3)
            for name in ("Average", "Max")
            for where in ("", "Global")
        ),
        *(
            f"{name}{axes}D"
            for axes in (1, 2, 3)
            for name in ("Cropping", "SpatialDropout", "UpSampling", "ZeroPadding")
        ),
        *(
            f"{place}.{name}"
            for place in ("ops", "tf.nn")
            for name in ("leaky_relu", "relu")
        ),
        *("Dropout", "GaussianDropout", "Identity", "LeakyReLU", "PReLU"),
    ]
)
_RESHAPING = ("Flatten", "Reshape", "ops.reshape", "tf.reshape")


@dataclasses.dataclass(frozen=True)
class ChannelPair:
    """Two layers that share channels with nobody else.

    Between them is only what is positively homogeneous for each channel alone,
    `f(s * x) = s * f(x)` for `s > 0`, so that a channel may be made smaller by one
    layer and larger by the other.

    Attributes:
        producer: Name of the layer that makes the channels.
        consumer: Name of the layer that takes them in.
        copies: How many inputs of the consumer each channel is: one, or behind a
            flattened image the number of its pixels. Input `k * channels + c` is
            channel c.
        padded: Whether zeros are put beside the channels on their way, or by the
            consumer.
    """

    producer: str
    consumer: str
    copies: int = 1
    padded: bool = False


def find_pairs(graph: Graph) -> tuple[tuple[ChannelPair, ...], Mapping[str, str]]:
    """Finds the pairs of layers that share channels with nobody else.

    Args:
        graph: A graph without models inside it: see `flatten_models`. Batch
            normalization that can be folded should be:
            see `fold_batch_normalization`.

    Returns:
        The pairs, in the order of their producers, and for each other convolution or
        Dense layer the reason why it is no producer.

    Example:
    ```python
    import keras
    from tfcompress.graph.channel_pairs import find_pairs
    from tfcompress.keras_compat import read

    layers = [keras.layers.Dense(8, "relu", name="hidden"), keras.layers.Dense(2)]
    graph = read(keras.Sequential([keras.Input((4,)), *layers]))
    ((pair,), reasons) = find_pairs(graph)
    assert pair.producer == "hidden"
    ```
    """
    pairs, reasons = [], {}
    for node in graph.nodes:
        layer = graph.layer_of(node)
        if not has_grouped_kernel(layer) or node.name != layer.name:
            continue
        try:
            pairs.append(_follow(graph, node))
        except _Unpaired as reason:
            reasons[layer.name] = str(reason)
    return tuple(pairs), reasons


class _Unpaired(Exception):
    """The channels of a layer go elsewhere, or through something else."""


def _follow(graph: Graph, start: Node) -> ChannelPair:
    producer = graph.layer_of(start)
    _check_kernel(graph, producer)
    activation = producer.config.get("activation") or "linear"
    if activation not in _HOMOGENEOUS_ACTIVATIONS:
        raise _Unpaired(f"its activation {activation!r} is not positively homogeneous")
    channels = _width(start)
    padded = False
    node = start
    while True:
        node = _only_consumer(graph, node)
        layer = graph.layer_of(node)
        if has_grouped_kernel(layer):
            break
        _check_homogeneous(node, layer, channels)
        padded |= layer.kind.startswith("ZeroPadding")
    _check_kernel(graph, layer)
    taken = graph.node(node.inputs()[0].node)
    copies = _width(taken) // channels
    if copies > 1 and read_grouped(layer).shape[2] > 1:
        raise _Unpaired(f"{layer.name!r} takes copies of its channels in groups")
    return ChannelPair(producer.name, layer.name, copies, padded or _pads(layer))


def _check_kernel(graph: Graph, layer: Layer) -> None:
    if len(graph.calls(layer)) > 1:
        raise _Unpaired(f"{layer.name!r} is called several times")
    if _is_channels_first(layer):
        raise _Unpaired(f"{layer.name!r} has its channels first")


def _only_consumer(graph: Graph, node: Node) -> Node:
    """Returns the node that takes the output of a node, and nothing else."""
    if graph.is_output(node):
        raise _Unpaired("its channels are returned by the model")
    consumers = graph.consumers(node)
    if len(consumers) != 1:
        names = [consumer.name for consumer in consumers]
        raise _Unpaired(f"its channels go several ways: {names}")
    (consumer,) = consumers
    if consumer.inputs() != [Tensor(node.name)]:
        kind = graph.layer_of(consumer).kind
        raise _Unpaired(f"{kind} {consumer.name!r} joins its channels with others")
    return consumer


def _check_homogeneous(node: Node, layer: Layer, channels: int) -> None:
    name = f"{layer.kind} {node.name!r}"
    if layer.kind in _RESHAPING and not _is_channels_first(layer):
        if _width(node) % channels:
            raise _Unpaired(f"{name} moves its channels")
        return
    if layer.kind == "Activation":
        homogeneous = layer.config["activation"] in _HOMOGENEOUS_ACTIVATIONS
        name += f" ({layer.config['activation']!r})"
    elif layer.kind == "ReLU":
        homogeneous = _is_unbounded(layer.config)
    else:
        homogeneous = layer.kind in _HOMOGENEOUS and not _is_channels_first(layer)
    if not homogeneous or not is_stock(layer):
        raise _Unpaired(f"{name} behind it is not known to be positively homogeneous")


def _is_unbounded(config: Mapping[str, Any]) -> bool:
    """Returns whether a ReLU has its only corner at zero."""
    return config.get("max_value") is None and not config.get("threshold")


def _pads(layer: Layer) -> bool:
    """Returns whether a layer sees zeros beside what it takes in."""
    if layer.kind == "Dense" or layer.config.get("padding", "valid") == "valid":
        return layer.kind.endswith("Transpose")
    size = layer.config["kernel_size"]
    sizes = size if isinstance(size, list | tuple) else [size]
    return any(length > 1 for length in sizes) or layer.kind.endswith("Transpose")


def _width(node: Node) -> int:
    """Returns the size of the last axis of what a node returns."""
    shape = node.outputs[0].shape if len(node.outputs) == 1 else ()
    if not shape or shape[-1] is None:
        raise _Unpaired(f"{node.name!r} returns what is of unknown size")
    return shape[-1]


def _is_channels_first(layer: Layer) -> bool:
    return layer.config.get("data_format") == "channels_first"
