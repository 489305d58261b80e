"""Quantizes a float `.tflite` file with ai-edge-quantizer, silently."""

import contextlib
import dataclasses
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ExportError
from tfcompress.export.layer_operations import (
    LayerOperation,
    kernel_of,
    list_layer_operations,
)
from tfcompress.export.quantizer.integer_limits import fit_ranges
from tfcompress.export.quantizer.number_format import NAMES, NumberFormat
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.operation_name import operation_name

FLOAT = NumberFormat("float32", "float32")


def quantize_file(
    content: bytes,
    default: NumberFormat,
    *,
    kinds: Mapping[str, NumberFormat] | None = None,
    layers: Mapping[str, NumberFormat] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    float_inputs_and_outputs: bool = True,
) -> bytes:
    """Quantizes a float file; about 0.2 s for each variant of a file.

    Args:
        content: The bytes of a float `.tflite` file, such as `convert_named` writes. It
            is not changed.
        default: The format of all layers that `layers` does not name. What an operation
            cannot do becomes the next wider format that it can: see
            `NumberFormat.for_kind`.
        kinds: The format of some kinds of operations, by their TFLite names.
        layers: The format of some layers, by the names that `list_layer_operations`
            gives them.
        ranges: The least and the largest value of each activation by the name of its
            tensor, as `read_ranges` returns it. Needed by formats that are static.
        float_inputs_and_outputs: Whether a file with static formats takes and gives
            float32 instead of whole numbers.

    Returns:
        The bytes of the quantized file.

    Raises:
        ExportError: If ai-edge-quantizer fails.

    Example:
    ```python
    from tfcompress.export.quantizer.edge_quantizer import quantize_file
    from tfcompress.export.quantizer.number_format import NumberFormat

    content = open("float32.tflite", "rb").read()
    small = quantize_file(content, NumberFormat("int8", "dynamic"))
    ```
    """
    operations = list_layer_operations(content)
    recipe = write_recipe(operations, default, kinds or {}, layers or {})
    if default.static:
        recipe += _doors(content, default, in_float=float_inputs_and_outputs)
    try:
        return _run(content, recipe, _statistics(content, ranges or {}, default))
    except Exception as error:
        text = " ".join(str(error).split())
        raise ExportError(
            "ai-edge-quantizer cannot quantize the file; leave the layer that it names "
            f"in float, or choose another scheme. Received: {text[:500]}"
        ) from error


def write_recipe(
    operations: Sequence[LayerOperation],
    default: NumberFormat,
    kinds: Mapping[str, NumberFormat],
    layers: Mapping[str, NumberFormat],
) -> list[dict[str, Any]]:
    """Writes an ai-edge-quantizer recipe; later entries override earlier ones.

    Args:
        operations: The operations of the float file.
        default: The format of all layers that are not named.
        kinds: The format of some kinds of operations.
        layers: The format of some layers, by name. An operation that several layers
            were fused into has that of the one with the kernel, if it is named. In
            loops the ranges of activations are not known; there static becomes dynamic.

    Returns:
        The recipe: one entry for each kind of operation, then one for each operation
        with a format of its own.
    """
    everywhere = dataclasses.replace(default, weights="int8")
    recipe = [everywhere.entry(".*", "*")] if default.static else []
    for kind in dict.fromkeys(operation.kind for operation in operations):
        if kind == "GATHER":  # of a table or of what was computed
            continue
        chosen = kinds.get(kind, default).for_kind(kind)
        if chosen is not None and not (default.static and chosen == everywhere):
            recipe.append(chosen.entry(".+", NAMES.get(kind, kind)))
    for number, operation in enumerate(operations):
        named = next((name for name in operation.layers if name in layers), None)
        chosen = kinds.get(operation.kind, default)
        if named is not None:
            chosen = layers[named]
        possible = _for_operation(operation, chosen)
        table = operation.kind == "GATHER" and not default.static
        if named is None and possible == chosen and not table:
            continue
        exact = f"^{re.escape(operation.scope)}$(?#{number})"
        recipe.append((possible.for_kind(operation.kind) or FLOAT).entry(exact, "*"))
    return recipe


def _for_operation(operation: LayerOperation, chosen: NumberFormat) -> NumberFormat:
    """Returns what an operation can have: int4 asks for an even number of inputs."""
    computed = operation.weights is None and not chosen.static
    if operation.kind == "GATHER" and (operation.in_loop or computed):
        return FLOAT
    if operation.in_loop and chosen.static:
        chosen = dataclasses.replace(chosen, activations="dynamic")
    odd = operation.shape is not None and operation.shape[-1] % 2 == 1
    if odd and chosen.weights == "int4":
        chosen = dataclasses.replace(chosen, weights="int8")
    return chosen


def _doors(
    content: bytes, default: NumberFormat, *, in_float: bool
) -> list[dict[str, Any]]:
    """Returns entries for what a file takes and gives, and what its loops do."""
    entries = [FLOAT.entry("(?#door)", name) for name in ("INPUT", "OUTPUT")]
    if in_float:
        return entries
    main = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    for name, indices in (("INPUT", main.inputs), ("OUTPUT", main.outputs)):
        scope = ";".join(main.tensors[index].name.decode() for index in indices) + ";"
        chosen = dataclasses.replace(default, weights="int8")
        entries.append(chosen.entry(f"^{re.escape(scope)}$(?#{name})", name))
    return entries


def _statistics(
    content: bytes, ranges: Mapping[str, tuple[float, float]], default: NumberFormat
) -> dict[str, dict[str, np.ndarray]]:
    """Returns ranges as ai-edge-quantizer takes them: with the axes of the tensor."""
    if not default.static:
        return _tables(content)
    activations, kernels = fit_ranges(content, ranges, default.activations)
    statistics = {
        name: {"min": -largest, "max": largest} for name, largest in kernels.items()
    }
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    for subgraph in file.subgraphs:
        for tensor in subgraph.tensors:
            name = tensor.name.decode()
            if name in activations and not is_constant(file, tensor):
                axes = 0 if tensor.shape is None else len(tensor.shape)
                low, high = (
                    np.full((1,) * axes, end, np.float32) for end in activations[name]
                )
                statistics[name] = {"min": low, "max": high}
    return statistics


def _tables(content: bytes) -> dict[str, dict[str, np.ndarray]]:
    """Returns the ranges of tables and of the rows that are looked up in them."""
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = file.subgraphs[0]
    statistics = {}
    for operator in graph.operators or []:
        table = kernel_of(file, graph, operator)
        if table is None or operation_name(file, operator) != "GATHER":
            continue
        tensor = graph.tensors[table]
        if tensor.type != schema.TensorType.FLOAT32:
            continue
        data = np.asarray(file.buffers[tensor.buffer].data).view(np.float32)
        for index in (table, int(operator.outputs[0])):
            ends = {"min": min(data.min(), 0.0), "max": max(data.max(), 0.0)}
            axes = len(graph.tensors[index].shape)
            statistics[graph.tensors[index].name.decode()] = {
                name: np.full((1,) * axes, end, np.float32)
                for name, end in ends.items()
            }
    return statistics


def _run(
    content: bytes, recipe: list[dict[str, Any]], statistics: dict[str, Any]
) -> bytes:
    if not any(entry["algorithm_key"] != "no_quantize" for entry in recipe):
        return content
    with (
        contextlib.redirect_stderr(io.StringIO()),  # progress bars
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        from ai_edge_quantizer import quantizer

        tool = quantizer.Quantizer(bytearray(content), recipe)
        result = tool.quantize(
            statistics or None,
            enable_progress_bar=False,
            enable_progress_report=False,
        )
    return bytes(result.quantized_model)
