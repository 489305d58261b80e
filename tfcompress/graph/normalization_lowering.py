"""Writes normalization that stands alone as a depthwise convolution."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfcompress.graph.folding import foldable_layer
from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec, Weight
from tfcompress.graph.implicit_masks import masked_nodes
from tfcompress.graph.substitution import Chain, spec_of, substitute

# What `keras.layers.Normalization` takes for the smallest standard deviation.
_SMALLEST_DEVIATION = 1e-7


def lower_normalizations(graph: Graph) -> Graph:
    """Returns a graph whose constants for each channel are those of convolutions.

    A depthwise convolution of 1 by 1 multiplies and adds per channel in one fast
    integer operation, and its kernel has a scale for each channel when it is quantized.

    A `BatchNormalization` over the last axis that cannot be folded into the layer
    before it gets such a convolution in front, called `<layer>_depthwise`, whose kernel
    is one and is not trained. It stays as it is behind it, and
    `fold_batch_normalization` folds it later.

    A `Rescaling`, and a `Normalization` over the last axis, become such a convolution
    of their own name, which is not trained.

    Images have four axes. Tensors of two, three or five become images by a `Reshape`
    before the convolution, `<layer>_to_image`, and get their shape back by another one
    behind, `<layer>_from_image`.

    What stays: normalization over another axis, of a number of channels that is not
    known, of whole numbers, of a tensor with several open axes, and of what carries a
    mask.

    Args:
        graph: A graph without models inside it: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import lower_normalizations
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3)]
    layers += [keras.layers.ReLU(), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    lowered = build(lower_normalizations(read(model)), keras="keras")
    ```
    """
    masked = masked_nodes(graph)
    lowered: dict[str, Layer] = {}
    for layer in graph.layers.values():
        calls = graph.calls(layer)
        specs = [_spec(graph, call) for call in calls]
        if any(call.inputs()[0].node in masked for call in calls if call.inputs()):
            continue
        convolution = _convolution(graph, layer, calls, specs)
        if convolution is not None:
            lowered[layer.name] = convolution

    def replacement(node: Node, chain: Chain) -> Tensor | None:
        if node.layer not in lowered:
            return None
        layer = graph.layer_of(node)
        spec = _spec(graph, node)
        assert spec is not None
        convolution = lowered[node.layer]

        def normalized(tensor: Tensor, image: TensorSpec) -> Tensor:
            if layer.kind != "BatchNormalization":
                return chain.call(convolution, (tensor,), image)
            named = dataclasses.replace(convolution, name=chain.part("depthwise"))
            tensor = chain.call(named, (tensor,), image)
            last = dataclasses.replace(layer, config={**layer.config, "axis": -1})
            return chain.call(last, (tensor,), image, node.keywords)

        return _as_image(chain, node.inputs()[0], spec, layer, normalized)

    return substitute(graph, replacement)


def _spec(graph: Graph, node: Node) -> TensorSpec | None:
    """Returns what a call of one floating-point tensor takes and returns."""
    inputs = node.inputs()
    if (
        len(inputs) != 1
        or len(node.arguments) != 1
        or set(node.keywords) - {"training"}
    ):
        return None
    spec = spec_of(graph, inputs[0]) or (node.outputs[0] if node.outputs else None)
    if spec is None or "float" not in spec.dtype:
        return None
    shape = spec.shape
    several_open = len(shape) != 4 and shape[1:].count(None) > 1
    if len(shape) not in (2, 3, 4, 5) or shape[-1] is None or several_open:
        return None
    return spec


def _convolution(
    graph: Graph, layer: Layer, calls: list[Node], specs: list[TensorSpec | None]
) -> Layer | None:
    """Returns the convolution for a layer, or None where the layer stays."""
    known = [spec for spec in specs if spec is not None]
    widths = {spec.shape[-1] for spec in known}
    ranks = {len(spec.shape) for spec in known}
    if len(known) != len(calls) or len(widths) != 1 or len(ranks) != 1:
        return None
    (channels,), (rank,) = widths, ranks
    assert channels is not None
    if layer.kind == "BatchNormalization":
        on_last = layer.config.get("axis", -1) in (-1, rank - 1)
        if not on_last or foldable_layer(graph, layer) is not None:
            return None
        return _depthwise(layer, np.ones(channels), None)
    if layer.kind not in _CONSTANTS:
        return None
    found = _CONSTANTS[layer.kind](layer, rank)
    if found is None:
        return None
    scale, offset = (_per_channel(value, channels, rank) for value in found)
    if scale is None or offset is None:
        return None
    return _depthwise(layer, scale, offset)


def _depthwise(layer: Layer, scale: np.ndarray, offset: np.ndarray | None) -> Layer:
    """Returns a convolution that multiplies and adds, and is not trained."""
    config = {
        "kernel_size": (1, 1),
        "padding": "valid",
        "data_format": "channels_last",
        "use_bias": offset is not None,
        "dtype": layer.config.get("dtype", "float32"),
    }
    weights = [Weight("kernel", scale.reshape(1, 1, -1, 1).astype(np.float32))]
    if offset is not None:
        weights.append(Weight("bias", offset.astype(np.float32)))
    return Layer(layer.name, "DepthwiseConv2D", config, tuple(weights), trainable=False)


def _as_image(
    chain: Chain,
    tensor: Tensor,
    spec: TensorSpec,
    layer: Layer,
    function: Callable[[Tensor, TensorSpec], Tensor],
) -> Tensor:
    """Calls a function of images on a tensor of any rank."""
    shape = spec.shape
    if len(shape) == 4:
        return function(tensor, spec)
    sizes = [size for size in shape[1:-1] if size is not None]
    rows = math.prod(sizes) if len(sizes) == len(shape) - 2 else None
    image = TensorSpec((shape[0], rows, 1, shape[-1]), spec.dtype)
    tensor = function(_reshaped(chain, "to_image", tensor, image, layer), image)
    return _reshaped(chain, "from_image", tensor, spec, layer)


def _reshaped(
    chain: Chain, part: str, tensor: Tensor, spec: TensorSpec, layer: Layer
) -> Tensor:
    target = tuple(-1 if size is None else size for size in spec.shape[1:])
    config = {"target_shape": target, "dtype": layer.config.get("dtype", "float32")}
    return chain.call(Layer(chain.part(part), "Reshape", config), (tensor,), spec)


def _rescaling(layer: Layer, rank: int) -> tuple[Any, Any]:
    """Returns what a Rescaling multiplies by, and what it adds then."""
    return _array(layer.config["scale"]), _array(layer.config.get("offset", 0.0))


def _normalization(layer: Layer, rank: int) -> tuple[Any, Any] | None:
    """Returns what a Normalization multiplies by, and what it adds then."""
    axis = layer.config.get("axis", -1)
    if axis not in (None, -1, rank - 1, [], [-1], [rank - 1], (), (-1,), (rank - 1,)):
        return None
    given = {weight.path: weight.value for weight in layer.weights}
    mean = given.get("mean", layer.config.get("mean"))
    variance = given.get("variance", layer.config.get("variance"))
    mean, variance = _array(mean), _array(variance)
    deviation = np.maximum(np.sqrt(variance), _SMALLEST_DEVIATION)
    if layer.config.get("invert"):
        return deviation, mean
    return 1.0 / deviation, -mean / deviation


_CONSTANTS: Mapping[str, Callable[[Layer, int], tuple[Any, Any] | None]] = {
    "Normalization": _normalization,
    "Rescaling": _rescaling,
}


def _array(value: Any) -> np.ndarray:
    """Returns a number, a list, or an array as Keras writes it into a config."""
    if isinstance(value, Mapping):
        value = value["config"]["value"]
    return np.asarray(value, np.float64)


def _per_channel(value: np.ndarray, channels: int, rank: int) -> np.ndarray | None:
    """Returns one number for each channel, or None if there are more."""
    alone = value.ndim <= rank and value.size == math.prod(value.shape[-1:])
    if not alone or value.size not in (1, channels):
        return None
    return np.broadcast_to(value.reshape(-1), (channels,))
