"""Quantization-aware models as graphs: as they compute, and as they ship."""

import dataclasses
import math
from typing import Any

import numpy as np
import tf_keras

from tfcompress.graph import Graph, Layer, fold_batch_normalization, remove_node
from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.activation_range import (
    ActivationRange,
    ConstantRange,
    ends,
)
from tfcompress.keras_compat.building import build
from tfcompress.keras_compat.prunable_weights import prunable_weights
from tfcompress.keras_compat.reading import read
from tfcompress.keras_compat.rounded_layer import RoundedLayer
from tfcompress.keras_compat.steady_batch_normalization import (
    SteadyBatchNormalization,
)
from tfcompress.keras_compat.tfmot_layers import all_layers

RANGE = "ActivationRange"
_INT8 = ("linear", 8)
_INT8_STEPS = 127


def activation_ranges(model: Any) -> list[ActivationRange]:
    """Returns the layers of a quantization-aware model that round activations."""
    return _layers(model, ActivationRange)


def known_ranges(model: Any) -> dict[str, tuple[float, float]]:
    """Returns the ends of the ranges of a quantization-aware model, by layer."""
    layers = activation_ranges(model)
    return {layer.name: layer.range for layer in layers if layer.is_known}


def rounded_layers(model: Any) -> list[RoundedLayer]:
    """Returns the layers of a quantization-aware model whose kernels are rounded."""
    return _layers(model, RoundedLayer)


def weight_bits(model: Any) -> set[int]:
    """Returns to how many bits the kernels of a quantization-aware model are rounded.

    Only kernels on equal steps count, as files hold them. Empty for a model that is not
    quantization-aware.
    """
    return {one.bits for one in _roundings(model) if one.format == "linear"}


def weight_formats(model: Any) -> set[str]:
    """Returns the names of the formats that kernels are rounded to."""
    return {one.format for one in _roundings(model)}


def _roundings(model: Any) -> list[Any]:
    return [
        rounding
        for layer in rounded_layers(model)
        for rounding in layer.roundings.values()
        if rounding is not None
    ]


def clustered_steps(model: Any) -> list[np.ndarray]:
    """Returns the whole numbers of the kernels whose clusters were kept in int8.

    Args:
        model: A model of either Keras.

    Returns:
        An int array for each such kernel of a quantization-aware model, from -127 to
        127: a row for each output, in the order of its other axes.
    """
    found = []
    for layer in rounded_layers(model):
        rounded = layer.rounded_kernels()
        kernels = prunable_weights(layer.layer)
        for number, (_, values) in zip(layer.roundings, rounded, strict=True):
            rounding, outputs = layer.roundings[number], kernels[number].outputs
            whole = rounding is not None and (rounding.format, rounding.bits) == _INT8
            if whole and outputs and number in layer.clustered:
                greatest = float(np.abs(values).max()) or 1.0
                steps = np.rint(values * (_INT8_STEPS / greatest)).astype(np.int64)
                rows = np.moveaxis(steps, outputs, range(len(outputs)))
                found.append(rows.reshape(math.prod(rows.shape[: len(outputs)]), -1))
    return found


def steady_layers(model: Any) -> list[SteadyBatchNormalization]:
    """Returns the batch normalizations of a quantization-aware model."""
    return _layers(model, SteadyBatchNormalization)


def _layers(model: Any, kind: type) -> list[Any]:
    return [layer for _, layer in all_layers(model) if isinstance(layer, kind)]


def read_rounded(model: Any) -> Graph:
    """Reads a quantization-aware model, its kernels as they are rounded.

    Args:
        model: A model that holds `ActivationRange` layers. It is not changed.

    Returns:
        A graph of stock layers and the ranges between them, of kind `RANGE`.
    """
    pairs: list[tuple[Any, Any]] = []

    def strip(layer: Any) -> Any:
        inner = layer.layer if isinstance(layer, RoundedLayer) else layer
        kind: Any = type(inner)
        if kind is SteadyBatchNormalization:
            kind = tf_keras.layers.BatchNormalization
        made = kind.from_config(inner.get_config())
        pairs.append((layer, made))
        return made

    plain = tf_keras.models.clone_model(model, clone_function=strip)
    for layer, made in pairs:
        if isinstance(layer, RoundedLayer):
            made.set_weights(layer.layer.get_weights())
            rounded = layer.rounded_kernels()
            own = [weight.variable for weight in prunable_weights(layer.layer)]
            new = [weight.variable for weight in prunable_weights(made)]
            for variable, value in rounded:
                place = next(n for n, other in enumerate(own) if other is variable)
                new[place].assign(value)
        else:
            made.set_weights(layer.get_weights()[: len(made.get_weights())])
    return read(plain)


def shipping_model(model: Any) -> Any:
    """Returns the model whose conversion gives the file of a quantization-aware model.

    Kernels are rounded, so that the converter finds the scales of each output again;
    batch normalization is folded; ranges are constants, which the
    converter takes for those of the file.

    Args:
        model: A model that holds `ActivationRange` layers. It is not changed.

    Returns:
        A tf_keras model with the same inputs and outputs.
    """
    graph = fold_batch_normalization(read_rounded(model))
    layers = {
        name: _with_constant_range(layer) if layer.kind == RANGE else layer
        for name, layer in graph.layers.items()
    }
    return _with_open_loops(dataclasses.replace(graph, layers=layers))


def model_without_ranges(model: Any) -> Any:
    """Returns the model that ships where the ranges are found again from data.

    Args:
        model: A model that holds `ActivationRange` layers. It is not changed.

    Returns:
        A tf_keras model with the same inputs and outputs, whose kernels are rounded.
    """
    graph = fold_batch_normalization(read_rounded(model))
    for node in graph.nodes:
        if graph.layers[node.layer].kind == RANGE:
            graph = remove_node(graph, node.name)
    return _with_open_loops(graph)


def _with_open_loops(graph: Graph) -> Any:
    built = build(graph, keras="tf_keras", trusted=True)
    internals.use_open_loops(built)
    return built


def _with_constant_range(layer: Layer) -> Layer:
    values = {weight.name: weight.value for weight in layer.weights}
    low, high = ends(values["low"], values["high"])
    config = {
        "low": float(low),
        "high": float(high),
        "bits": layer.config["bits"],
        "dtype": "float32",
    }
    return Layer(layer.name, ConstantRange.__name__, config, type=ConstantRange)


def embedding_of(layer: ActivationRange) -> list[np.ndarray]:
    """Returns the tables of the Embedding layers that a range stands behind."""
    before = [
        source
        for node in layer._inbound_nodes
        for source in modules.flatten(node.inbound_layers)
    ]
    inner = [one.layer if isinstance(one, RoundedLayer) else one for one in before]
    kind = tf_keras.layers.Embedding
    return [one.embeddings.numpy() for one in inner if isinstance(one, kind)]
