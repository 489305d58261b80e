"""What is inside a `.tflite` file, read and not run."""

import collections
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.cost.operation_multiply_adds import (
    count_operation_multiply_adds,
)
from tfcompress.measurement.files.file import read_tflite
from tfcompress.measurement.files.file_layers import (
    FileLayer,
    FileLayers,
    outputs_of,
    text_of,
)
from tfcompress.measurement.files.operation_name import operation_name, type_name
from tfcompress.measurement.files.structure import parse_tflite, reading
from tfcompress.measurement.files.tensor import TensorDetails
from tfcompress.measurement.files.type_bits import type_bits
from tfcompress.measurement.inspection.inspection_result import (
    Inspection,
    LayerInspection,
    SignatureInspection,
)

# How LiteRT's Python interpreter gives what NumPy has no type for.
_NAMED_OTHERWISE = {
    **dict.fromkeys(("string", "resource", "variant"), np.dtype(object)),
    **dict.fromkeys(("int4", "int2"), np.dtype(np.int8)),
    **dict.fromkeys(("uint4", "float8_e4m3fn", "float8_e5m2"), np.dtype(np.uint8)),
    "bfloat16": np.dtype(np.uint16),
}


def inspect_file(path: str) -> Inspection:
    """Does what `inspect` does, for a `.tflite` file.

    Args:
        path: The file.

    Returns:
        The `Inspection`.

    Raises:
        ModelError: If there is no such file, or if it is damaged or of another kind.
    """
    content = read_tflite(path)
    model = parse_tflite(content, path)
    with reading(path):
        rows = tuple(_Rows(model, content).all())
        return Inspection(
            path=path,
            format=f"TFLite, version {model.version} of the format",
            bytes=len(content),
            layers=rows,
            signatures=_list_signatures(model),
            operations=_take_census(model),
            metadata=dict(_list_metadata(model)),
            notes=_note(model, content),
        )


@dataclasses.dataclass(frozen=True)
class _Storage:
    """How a tensor of weights is stored."""

    dtype: str
    granularity: str | None
    bytes: int
    sparse: bool

    @property
    def bits(self) -> int:
        return type_bits(self.dtype)


class _Rows:
    """Goes through the operations of a file and gives each its weights, once."""

    def __init__(self, model: Any, content: bytes) -> None:
        self._model = model
        self._content = content

    def all(self) -> Iterator[LayerInspection]:
        for layer in FileLayers(self._model, self._content):
            counted = 0
            if layer.operator is not None:
                counted = count_operation_multiply_adds(
                    self._model, layer.graph, layer.operator
                )
            yield self._describe(layer, counted)

    def _describe(self, layer: FileLayer, multiply_adds: int) -> LayerInspection:
        graph, output, taken = layer.graph, layer.output, layer.own
        kernels = [constant for constant, _ in taken if constant.kernel]
        stored = [self._storage(graph, tensor) for _, tensor in taken]
        first = None
        if taken:
            sizes = [(one.kernel, one.size) for one, _ in taken]
            first = stored[sizes.index(max(sizes))]
        return LayerInspection(
            name=layer.name,
            kind=layer.kind,
            shape=_open_shape(output),
            dtype=type_name(output) if first is None else first.dtype,
            bits=None if first is None else first.bits,
            granularity=None if first is None else first.granularity,
            parameters=sum(constant.size for constant, _ in taken),
            kernel_parameters=sum(constant.size for constant in kernels),
            zeros=sum(constant.zeros for constant in kernels),
            bytes=sum(one.bytes for one in stored),
            multiply_adds=multiply_adds,
            sparse=first is not None and first.sparse,
        )

    def _storage(self, graph: Any, tensor: Any) -> _Storage:
        buffer = self._model.buffers[tensor.buffer]
        size = buffer.size if buffer.data is None else len(buffer.data)
        granularity, extra = None, 0
        quantization = tensor.quantization
        if quantization is not None:
            scales = _length(quantization.scale)
            extra += 4 * scales + 8 * _length(quantization.zeroPoint)
            if scales:
                granularity = "per channel" if scales > 1 else "per tensor"
            if isinstance(quantization.details, schema.BlockwiseQuantizationT):
                granularity = "per group"
                scale = graph.tensors[quantization.details.scales]
                extra += _length(self._model.buffers[scale.buffer].data)
        return _Storage(
            dtype=type_name(tensor),
            granularity=granularity,
            bytes=int(size) + extra + _position_bytes(tensor.sparsity),
            sparse=tensor.sparsity is not None,
        )


def _length(values: Any) -> int:
    return 0 if values is None else len(values)


def _position_bytes(sparsity: Any) -> int:
    """Returns the bytes of the positions of what a sparse tensor holds."""
    total = 0
    for axis in [] if sparsity is None else sparsity.dimMetadata or []:
        for vector in (axis.arraySegments, axis.arrayIndices):
            values = None if vector is None else vector.values
            total += 0 if values is None else np.asarray(values).nbytes
    return total


def _open_shape(tensor: Any) -> tuple[int | None, ...]:
    sizes = tensor.shapeSignature if _length(tensor.shapeSignature) else tensor.shape
    sizes = [] if sizes is None else sizes
    return tuple(int(size) if size >= 0 else None for size in sizes)


def _list_signatures(model: Any) -> tuple[SignatureInspection, ...]:
    def details(graph: Any, name: str, index: int) -> TensorDetails:
        tensor = graph.tensors[index]
        quantization = tensor.quantization
        scaled = quantization is not None and _length(quantization.scale) == 1
        kind = type_name(tensor)
        points = quantization.zeroPoint if scaled else None
        return TensorDetails(
            name=name,
            index=index,
            shape=_open_shape(tensor),
            dtype=_NAMED_OTHERWISE.get(kind) or np.dtype(kind),
            scale=float(quantization.scale[0]) if scaled else 0.0,
            zero_point=0 if points is None or not len(points) else int(points[0]),
        )

    if not model.signatureDefs:
        graph = model.subgraphs[0]
        inputs, outputs = (
            tuple(
                details(graph, text_of(graph.tensors[index].name), int(index))
                for index in ([] if places is None else places)
            )
            for places in (graph.inputs, graph.outputs)
        )
        return (SignatureInspection("", inputs, outputs),)
    signatures = []
    for signature in model.signatureDefs:
        graph = model.subgraphs[signature.subgraphIndex]
        inputs, outputs = (
            tuple(
                details(graph, text_of(entry.name), entry.tensorIndex)
                for entry in entries or []
            )
            for entries in (signature.inputs, signature.outputs)
        )
        signatures.append(
            SignatureInspection(text_of(signature.signatureKey), inputs, outputs)
        )
    return tuple(signatures)


def _take_census(model: Any) -> dict[str, int]:
    counts = collections.Counter(
        f"{operation_name(model, operator)} "
        f"{type_name(graph.tensors[outputs_of(operator)[0]])}"
        for graph in model.subgraphs
        for operator in graph.operators or []
        if outputs_of(operator)
    )
    return dict(sorted(counts.items()))


def _list_metadata(model: Any) -> Iterator[tuple[str, str]]:
    if model.description:
        yield "description", text_of(model.description)
    for entry in model.metadata or []:
        data = model.buffers[entry.buffer].data
        content = b"" if data is None else bytes(np.asarray(data, np.uint8))
        text = content.rstrip(b"\0").decode("utf-8", "replace")
        shown = text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
        yield text_of(entry.name), text if shown else f"{len(content):,} bytes"


def _note(model: Any, content: bytes) -> tuple[str, ...]:
    operators = [one for graph in model.subgraphs for one in graph.operators or []]
    named = {operation_name(model, operator) for operator in operators}
    if "WHILE" not in named:
        return ()
    return (
        "Operations of a loop are counted for one step; how many steps it takes is not "
        "in the file.",
    )
