"""A model without the softmax or sigmoid in which its outputs end."""

import dataclasses
from collections.abc import Mapping, Sequence

from tfcompress.graph import Graph
from tfcompress.graph.graph import Layer, Node, Tensor, tensors
from tfcompress.keras_compat import PROBABILITIES

_PASSED = ("Activation", "Dropout", "Flatten", "Identity", "Reshape")
_OPERATIONS = {
    "ops.sigmoid": "sigmoid",
    "ops.softmax": "softmax",
    "tf.math.sigmoid": "sigmoid",
    "tf.nn.softmax": "softmax",
}
_LINEAR = {"activation": "linear"}

Endings = Mapping[tuple[str, ...], Layer]


def take_off(graph: Graph, wanted: Sequence[bool]) -> tuple[Graph, Endings]:
    """Returns a graph whose outputs are logits, and what was taken off.

    A softmax or sigmoid in which an output ends becomes linear, inside its layer or as
    a layer of its own, also in a model inside the model.

    Args:
        graph: A model.
        wanted: For each output, in flattened order, whether it shall give logits.

    Returns:
        The graph, and the layers as they were, for `put_on`.

    Example:
    ```python
    from tfcompress.keras_compat import build, read
    from tfcompress.pipeline.fitting.logits import put_on, take_off

    graph, endings = take_off(read(model), [True])
    logits = build(graph, keras="keras")
    again = build(put_on(read(logits), endings), keras="keras")
    ```
    """
    endings: dict[tuple[str, ...], Layer] = {}
    for tensor, take in zip(list(tensors(graph.outputs)), wanted, strict=True):
        if take:
            graph = _take_off_one(graph, tensor, (), endings)
    return graph, endings


def with_layers_at_the_end(graph: Graph) -> Graph:
    """Returns a graph whose outputs end in layers where they ended in operations.

    A softmax or sigmoid that was called as a function, such as `keras.ops.softmax`,
    becomes an `Activation` layer, which computes the same.

    Args:
        graph: A model.

    Returns:
        A new graph; the same one where no output ends in such a function.

    Example:
    ```python
    from tfcompress.keras_compat import read
    from tfcompress.pipeline.fitting.logits import with_layers_at_the_end

    graph = with_layers_at_the_end(read(model))
    ```
    """
    for tensor in tensors(graph.outputs):
        node = graph.node(tensor.node)
        layer = graph.layer_of(node)
        name = _OPERATIONS.get(layer.kind)
        axes = {**layer.config, **node.keywords}
        rank = len(node.outputs[0].shape) if node.outputs else None
        last = axes.pop("axis", -1) in (-1, None, rank and rank - 1)
        axes.pop("name", None)
        if name and last and not axes and len(node.arguments) == 1:
            plain = Layer(layer.name, "Activation", {"activation": name})
            called = dataclasses.replace(node, keywords={})
            nodes = tuple(called if one is node else one for one in graph.nodes)
            graph = dataclasses.replace(_with(graph, plain), nodes=nodes)
    return graph


def put_on(graph: Graph, endings: Endings) -> Graph:
    """Returns a graph that ends as it did before `take_off`.

    Args:
        graph: What `take_off` returned, with whatever weights.
        endings: What it took off.

    Returns:
        The graph of a model with the outputs that the first one had.

    Example:
    ```python
    from tfcompress.keras_compat import read
    from tfcompress.pipeline.fitting.logits import put_on, take_off

    graph = put_on(*take_off(read(model), [True]))
    ```
    """
    for path, layer in endings.items():
        graph = _put_on_one(graph, path, layer)
    return graph


def _take_off_one(
    graph: Graph,
    tensor: Tensor,
    path: tuple[str, ...],
    endings: dict[tuple[str, ...], Layer],
) -> Graph:
    node = graph.node(tensor.node)
    layer = graph.layer_of(node)
    here = (*path, layer.name)
    if here in endings:
        return graph
    if layer.graph is not None:
        inner_tensor = list(tensors(layer.graph.outputs))[tensor.index]
        inner = _take_off_one(layer.graph, inner_tensor, here, endings)
        return _with(graph, dataclasses.replace(layer, graph=inner))
    linear = _linear(layer, node)
    if linear is not None:
        if len(graph.calls(layer)) == 1:
            endings[here] = layer
            return _with(graph, linear)
        return graph
    if layer.kind in _PASSED and len(node.inputs()) == 1:
        return _take_off_one(graph, node.inputs()[0], path, endings)
    return graph


def _put_on_one(graph: Graph, path: tuple[str, ...], layer: Layer) -> Graph:
    now = graph.layers[path[0]]
    if len(path) > 1:
        assert now.graph is not None
        inner = _put_on_one(now.graph, path[1:], layer)
        return _with(graph, dataclasses.replace(now, graph=inner))
    kind = {"kind": layer.kind, "config": layer.config, "type": layer.type}
    return _with(graph, dataclasses.replace(now, **kind))


def _linear(layer: Layer, node: Node) -> Layer | None:
    """Returns a layer without its softmax or sigmoid, or None if it has neither."""
    config = dict(layer.config)
    if layer.kind == "Softmax":
        rank = len(node.outputs[0].shape) if node.outputs else None
        if config.get("axis", -1) not in (-1, rank and rank - 1) or node.keywords:
            return None
        kept = {key: config[key] for key in ("dtype",) if key in config}
        return dataclasses.replace(
            layer, kind="Activation", config={**kept, **_LINEAR}, type=None
        )
    if config.get("activation") in PROBABILITIES and _computes_rows(layer):
        return dataclasses.replace(layer, config={**config, **_LINEAR})
    inner = config.get("layer")
    if layer.kind == "TimeDistributed" and isinstance(inner, Mapping):
        settings = inner.get("config", {})
        if settings.get("activation") in PROBABILITIES:
            inner = {**inner, "config": {**settings, **_LINEAR}}
            return dataclasses.replace(layer, config={**config, "layer": inner})
    return None


def _computes_rows(layer: Layer) -> bool:
    """Whether the activation is what the layer does last, to its whole output."""
    recurrent = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
    return layer.kind not in recurrent


def _with(graph: Graph, layer: Layer) -> Graph:
    return dataclasses.replace(graph, layers={**graph.layers, layer.name: layer})
