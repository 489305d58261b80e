"""What is inside a Keras model file."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.graph import Graph, Layer, TensorSpec, Weight
from tfcompress.measurement.cost.summary import LayerSummary, summarize_graph
from tfcompress.measurement.files.tensor import TensorDetails
from tfcompress.measurement.inspection.inspection_result import (
    Inspection,
    LayerInspection,
    SignatureInspection,
)

_NAMED_OTHERWISE = {"string": np.dtype(object), "bfloat16": np.dtype(np.uint16)}


def inspect_keras_file(path: str, *, trusted: bool = False) -> Inspection:
    """Does what `inspect` does, for a file or folder of Keras 3 or tf_keras.

    Args:
        path: The file.
        trusted: Whether it may run code that it holds.

    Returns:
        The `Inspection`.

    Raises:
        ModelError: As `keras_compat.load_model` does, or if the model is subclassed.
    """
    model = keras_compat.load_model(path, trusted=trusted)
    files = (each for each in Path(path).rglob("*") if each.is_file())
    size = sum(each.stat().st_size for each in files) or os.stat(path).st_size
    return dataclasses.replace(inspect_model(model), path=path, bytes=size)


def inspect_model(model: Any) -> Inspection:
    """Does what `inspect` does, for a model of Keras 3 or tf_keras.

    Args:
        model: A built functional or Sequential model.

    Returns:
        The `Inspection`, with the name of the model as its path, and the bytes of its
        weights.

    Raises:
        ModelError: If the model is subclassed.
    """
    graph = keras_compat.read_flat(model)
    summary = summarize_graph(graph)
    seen: set[str] = set()
    rows = []
    for node, row in zip(graph.nodes, summary.layers, strict=True):
        layer = graph.layer_of(node)
        if layer.kind != "InputLayer":
            weights = () if node.layer in seen else layer.weights
            rows.append(_describe(layer, node.outputs, row, weights))
        seen.add(node.layer)
    keras = keras_compat.keras_of(model)
    notes: tuple[str, ...] = ()
    if summary.uncounted:
        names = ", ".join(summary.uncounted)
        notes = (f"Multiply-adds not known, and counted as 0: {names}.",)
    return Inspection(
        path=model.name,
        format=f"{'tf_keras' if keras_compat.is_tf_keras(model) else 'Keras'} model",
        bytes=sum(row.bytes for row in rows),
        layers=tuple(rows),
        signatures=(_ends(graph),),
        operations={},
        metadata={"loaded with": f"{keras.__name__} {keras.__version__}"},
        notes=notes,
    )


def _describe(
    layer: Layer,
    outputs: Sequence[TensorSpec],
    row: LayerSummary,
    weights: Sequence[Weight],
) -> LayerInspection:
    kernel = max(weights, key=lambda w: (w.value.ndim >= 2, w.value.size), default=None)
    bits, granularity = _rounding(layer)
    if kernel is not None and bits is None:
        bits = 8 * kernel.value.dtype.itemsize
    return LayerInspection(
        name=row.name,
        kind=_kind(layer.kind, layer.config),
        shape=outputs[0].shape if outputs else (),
        dtype=_dtype(outputs) if kernel is None else str(kernel.value.dtype),
        bits=None if kernel is None else bits,
        granularity=granularity,
        parameters=row.parameters,
        kernel_parameters=row.kernel_parameters,
        zeros=row.zeros,
        bytes=sum(weight.value.nbytes for weight in weights),
        multiply_adds=row.multiply_adds,
    )


def _dtype(outputs: Sequence[TensorSpec]) -> str:
    return str(outputs[0].dtype) if outputs else "none"


def _kind(kind: str, config: Mapping[str, Any]) -> str:
    """Returns the class of a layer, with that of the layer inside a wrapper."""
    inner = config.get("layer")
    if not isinstance(inner, Mapping):
        return kind
    return f"{kind}({_kind(inner['class_name'], inner['config'])})"


def _rounding(layer: Layer) -> tuple[int | None, str | None]:
    """Returns to what the weights of a layer are rounded: bits, and granularity.

    Those of the ranges of a quantization-aware model are of the activations.
    """
    if layer.kind == "ActivationRange":
        return layer.config["bits"], "per tensor"
    scales = [w.value.size for w in layer.weights if w.name.endswith("kernel_scale")]
    if scales:  # Keras 3's own quantization, which packs numbers of 4 bits
        mode = layer.config["dtype"]["config"][
            "mode"
        ]  # "int8", or "int4/128" in groups
        if "/" in mode:
            return 4, "per group"
        bits = 4 if mode == "int4" else 8
        return bits, "per channel" if scales[0] > 1 else "per tensor"
    roundings = (layer.config.get("roundings") or {}).values()
    configs = [rounding["config"] for rounding in roundings if rounding is not None]
    if layer.kind != "RoundedLayer" or not configs:
        return None, None
    first = min(configs, key=lambda config: config["bits"])
    return first["bits"], "per channel" if first["axes"] else "per tensor"


def _ends(graph: Graph) -> SignatureInspection:
    def describe(tensors: Any) -> tuple[TensorDetails, ...]:
        found = []
        for number, tensor in enumerate(keras_compat.flatten(tensors)):
            spec = graph.node(tensor.node).outputs[tensor.index]
            kind = _NAMED_OTHERWISE.get(spec.dtype) or np.dtype(spec.dtype)
            found.append(TensorDetails(tensor.node, number, spec.shape, kind))
        return tuple(found)

    return SignatureInspection(
        graph.name, describe(graph.inputs), describe(graph.outputs)
    )
