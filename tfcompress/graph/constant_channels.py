"""Folds channels that are the same number everywhere into the biases behind them."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from tfcompress.graph.activation_values import ACTIVATION_VALUES
from tfcompress.graph.graph import Graph, Layer, Node, Tensor, Weight
from tfcompress.graph.rewiring import with_layers

_UNKNOWN = np.nan  # Stands for a channel that is no constant.
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")


def fold_constant_channels(graph: Graph) -> Graph:
    """Returns a graph that computes the same without taking in constant channels.

    A channel whose kernel is all zero is the number `activation(bias)` everywhere; one
    whose batch normalization has a scale of zero is `beta`. Behind normalization,
    activations, pooling, additions and the like it is another number. Where a Dense
    layer or a convolution takes it in, this number times the weights goes into the
    bias, and the weights become zero, so that nothing is lost when the channel is
    removed. That is exact for Dense layers, kernels of one pixel and convolutions
    without padding; beside padding a constant is none, and other convolutions are left
    as they are, as are layers that are called several times.

    Args:
        graph: A graph without models inside it. It is not changed.

    Example:
    ```python
    import keras
    from tfcompress.graph import fold_constant_channels
    from tfcompress.keras_compat import build, read

    constant = keras.layers.Dense(4, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((3,)), constant, keras.layers.Dense(2)])
    folded = build(fold_constant_channels(read(model)), keras="keras")
    ```
    """
    constants: dict[Tensor, np.ndarray] = {}
    for node in graph.nodes:
        taken = [constants[t] for t in node.inputs() if t in constants]
        if len(taken) != len(node.inputs()):
            taken = []
        layer = graph.layer_of(node)
        if taken and _is_folded_into(graph, layer):
            layer = _folded(layer, taken[0])
            graph = with_layers(graph, [layer])
        shape = node.outputs[0].shape if len(node.outputs) == 1 else ()
        if not shape or shape[-1] is None:
            continue
        found = _constants_of(node, layer, taken, shape[-1])
        fits = found is not None and found.shape == (shape[-1],)
        constants[Tensor(node.name)] = (
            found if found is not None and fits else np.full(shape[-1], _UNKNOWN)
        )
    return graph


def _is_folded_into(graph: Graph, layer: Layer) -> bool:
    if len(graph.calls(layer)) != 1 or _is_channels_first(layer):
        return False
    if layer.kind == "Dense":
        return True
    return layer.kind in _CONVOLUTIONS and layer.config.get("groups", 1) == 1


def _is_channels_first(layer: Layer) -> bool:
    return layer.config.get("data_format") == "channels_first"


def _folded(layer: Layer, taken: np.ndarray) -> Layer:
    """Returns a layer with the constants that it takes in as part of its bias."""
    kernel = layer.weight("kernel")
    rows = np.moveaxis(kernel, -2, 0)
    known = ~np.isnan(taken) if _sees_no_padding(layer) else taken == 0
    known &= (rows != 0).any(axis=tuple(range(1, rows.ndim)))
    if not known.any():
        return layer
    summed = kernel.astype(np.float64).sum(axis=tuple(range(kernel.ndim - 2)))
    left = kernel.copy()
    left[..., known, :] = 0
    weights = {weight.path: weight.value for weight in layer.weights}
    before = weights.get("bias", np.zeros(kernel.shape[-1]))
    bias = before + taken[known] @ summed[known]
    weights.update(kernel=left, bias=bias.astype(kernel.dtype))
    return dataclasses.replace(
        layer,
        config={**layer.config, "use_bias": True},
        weights=tuple(Weight(path, value) for path, value in weights.items()),
    )


def _sees_no_padding(layer: Layer) -> bool:
    kernel = next(w for w in layer.weights if w.name == "kernel").value
    pixels = kernel.shape[:-2]
    return layer.config.get("padding", "valid") == "valid" or math.prod(pixels) == 1


def _constants_of(
    node: Node, layer: Layer, taken: list[np.ndarray], size: int
) -> np.ndarray | None:
    """Returns what each channel of a call's output always is, or None."""
    kind = layer.kind
    if kind in ("Dense", *_CONVOLUTIONS) and not _is_channels_first(layer):
        kernel = layer.weight("kernel")
        dead = ~kernel.any(axis=tuple(range(kernel.ndim - 1)))
        bias = layer.weight("bias") if layer.config.get("use_bias", True) else 0.0
        return _activated(layer, np.where(dead, bias, _UNKNOWN))
    if not taken:
        return None
    first = taken[0]
    if kind in ("DepthwiseConv1D", "DepthwiseConv2D") and not _is_channels_first(layer):
        return _activated(layer, _depthwise(layer, first))
    if kind == "BatchNormalization":
        rank = len(node.outputs[0].shape)
        on_last = layer.config.get("axis", -1) in (-1, rank - 1)
        return _normalized(layer, first) if on_last else None
    if kind == "Activation":
        return _activated(layer, first)
    if kind == "ReLU":
        return _rectified(layer, first)
    if kind.startswith(("ops.", "tf.nn.")) and len(node.arguments) == 1:
        activation = ACTIVATION_VALUES.get(kind.rsplit(".", 1)[-1])
        # With arguments, or with other defaults, it may be another function.
        if activation and not (layer.config or node.keywords or kind == "ops.gelu"):
            return activation(first)
    if kind.startswith("ZeroPadding"):
        return np.where(first == 0, first, _UNKNOWN)
    if kind == "Flatten" and not _is_channels_first(layer):
        return np.tile(first, size // len(first))
    if kind in _KEPT and not _is_channels_first(layer):
        return first
    if kind == "Concatenate":
        rank = len(node.outputs[0].shape)
        return np.concatenate(taken) if layer.config["axis"] in (-1, rank - 1) else None
    join = _JOINS.get(kind)
    if join is None or len(taken) < 2 or any(len(t) != size for t in taken):
        return None
    return join(np.stack(taken))


def _depthwise(layer: Layer, taken: np.ndarray) -> np.ndarray:
    kernel = layer.weight("kernel").astype(np.float64)
    known = taken if _sees_no_padding(layer) else np.where(taken == 0, 0.0, _UNKNOWN)
    summed = kernel.sum(axis=tuple(range(kernel.ndim - 2)))
    dead = ~kernel.any(axis=tuple(range(kernel.ndim - 2)))
    made = np.where(dead, 0.0, known[:, None] * summed).reshape(-1)
    return made + (layer.weight("bias") if layer.config.get("use_bias", True) else 0.0)


def _normalized(layer: Layer, taken: np.ndarray) -> np.ndarray:
    values = {w.path: w.value.astype(np.float64) for w in layer.weights}
    scale = values.get("gamma", np.ones(len(taken)))
    deviation = np.sqrt(values["moving_variance"] + layer.config.get("epsilon", 1e-3))
    made = (taken - values["moving_mean"]) / deviation * scale
    return np.where(scale == 0, 0.0, made) + values.get("beta", 0.0)


def _activated(layer: Layer, values: np.ndarray) -> np.ndarray | None:
    name = layer.config.get("activation") or "linear"
    known = isinstance(name, str) and name in ACTIVATION_VALUES
    return ACTIVATION_VALUES[name](values) if known else None


def _rectified(layer: Layer, values: np.ndarray) -> np.ndarray | None:
    if layer.config.get("negative_slope") or layer.config.get("threshold"):
        return None
    return np.clip(values, 0.0, layer.config.get("max_value"))


def _product(taken: np.ndarray) -> np.ndarray:
    """Returns the product; zero times what is no constant is zero as well."""
    return np.where((taken == 0).any(axis=0), 0.0, taken.prod(axis=0))


_JOINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys(["Add", "ops.add"], lambda taken: taken.sum(axis=0)),
    **dict.fromkeys(["Multiply", "ops.multiply"], _product),
    "Average": lambda taken: taken.mean(axis=0),
    "Maximum": lambda taken: np.max(taken, axis=0),
    "Minimum": lambda taken: np.min(taken, axis=0),
}

# What hands a constant on as it is. Pooling leaves padding out of what it looks at.
_KEPT = frozenset(
    [
        *(
            f"{name}{axes}D"
            for axes in (1, 2, 3)
            for name in ("UpSampling", "Cropping")
        ),
        *(
            f"{where}{name}Pooling{axes}D"
            for axes in (1, 2, 3)
            for name in ("Average", "Max")
            for where in ("", "Global")
        ),
        "Dropout",
        "Identity",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "RepeatVector",
    ]
)
