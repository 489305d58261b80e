"""Clustered weights of a file for microcontrollers, as indices into tables."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ArgumentError, ExportError
from tfcompress.export.account.account_file import account_path
from tfcompress.export.destination import check_path
from tfcompress.export.layer_operations import kernel_of
from tfcompress.export.microcontroller.microcontroller import check_runtime, run_raw
from tfcompress.files import temporary_folder, write_atomically
from tfcompress.measurement.files.file import read_tflite
from tfcompress.measurement.files.operation_name import operation_name, type_name

_SCRIPT = Path(__file__).with_name("lookup_tables_process.py")
_KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_TYPES: dict[int, Any] = {
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.INT16: np.dtype(np.int16),
    schema.TensorType.FLOAT32: np.dtype(np.float32),
}
_MOST_BITS = 7
_HEADER_BYTES = 16
# What the operation that reads a table, and its tensors, take in the file.
_OPERATION_BYTES = 352
_RUNS = 4
_SECONDS = 600
_SEED = 0


@dataclasses.dataclass(frozen=True)
class LookupTable:
    """How one tensor is stored.

    Attributes:
        tensor: The name of the tensor.
        bits: Bits of an index.
        axis: The axis along which every slice has a table of its own, or None for one
            table.
        bytes_before: What its numbers took.
        bytes: What indices and tables take.
    """

    tensor: str
    bits: int
    axis: int | None
    bytes_before: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class LookupTables:
    """A file whose clustered weights are indices into tables.

    Attributes:
        path: Where the file is. Only TensorFlow Lite Micro can run it.
        bytes: Its size.
        bytes_before: The size of the file that it was made from.
        arena_bytes: The smallest arena in which it runs. The weights of a layer are
            looked up there when it runs.
        arena_bytes_before: The same of the file that it was made from.
        tables: The tensors that are stored as indices.
    """

    path: Path
    bytes: int
    bytes_before: int
    arena_bytes: int
    arena_bytes_before: int
    tables: tuple[LookupTable, ...]


def compress_with_lookup_tables(
    path: str | os.PathLike[str], output: str | os.PathLike[str]
) -> LookupTables:
    """Writes kernels of few different values as indices into tables.

    A clustered kernel of 16 values takes 4 bits a weight and its table. A kernel is
    stored so where that is smaller, with a table for each of its scales. The file
    runs on TensorFlow Lite Micro only, on firmware with its DECODE operation; LiteRT
    does not take it. It is run there beside the first one, and gives the same bits.
    https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/docs/compression.md

    Args:
        path: A `.tflite` file that TensorFlow Lite Micro runs, such as `to_tflite`
            writes for `target="microcontroller"` from a clustered model.
        output: Where to write the other file; not the same path. It has no account;
            that of a file which it replaces is removed.

    Returns:
        What became of which tensor.

    Raises:
        ArgumentError: If `tflite-micro` is not installed, or `output` is `path` or does
            not end in `.tflite`.
        ModelError: If there is no such file, or it is damaged.
        ExportError: If no kernel gets smaller, or the file does not run, or not within
            ten minutes.
        OutputError: If the file cannot be written.

    Example:
    ```python
    tables = tfc.export.compress_with_lookup_tables("model.tflite", "tables.tflite")
    print(f"{tables.bytes_before} bytes before, {tables.bytes} now")
    ```
    """
    check_runtime()
    destination = check_path(output)
    if destination.resolve() == Path(path).resolve():
        raise ArgumentError(
            "The file would be replaced by one that LiteRT does not run; choose "
            f"another name. Received: output={str(output)!r}"
        )
    content = read_tflite(path)
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    found = list(_find_tables(file))
    compressed = _compress(content, found) if found else content
    if len(compressed) >= len(content):
        raise ExportError(
            "No kernel gets smaller as indices into a table: that takes large kernels "
            "of few different values. Cluster the weights first, with 16 centroids or "
            f"fewer. Received: path={str(path)!r}"
        )
    arenas = _compare(file, content, compressed)
    write_atomically(destination, compressed)
    account_path(destination).unlink(missing_ok=True)  # that of a file before it
    return LookupTables(
        path=destination,
        bytes=len(compressed),
        bytes_before=len(content),
        arena_bytes=arenas[1],
        arena_bytes_before=arenas[0],
        tables=tuple(table for _, _, table in found),
    )


def _find_tables(file: Any) -> Iterator[tuple[int, int, LookupTable]]:
    """Yields kernels that get smaller, with the numbers of subgraph and tensor."""
    for number, subgraph in enumerate(file.subgraphs):
        kernels: dict[int, None] = {}
        for operator in subgraph.operators or []:
            kernel = kernel_of(file, subgraph, operator)
            if kernel is not None and operation_name(file, operator) in _KINDS:
                kernels[kernel] = None
        for kernel in kernels:
            tensor = subgraph.tensors[kernel]
            dtype = _TYPES.get(tensor.type)
            data = file.buffers[tensor.buffer].data
            if dtype is None or data is None:
                continue
            values = np.frombuffer(bytes(data), dtype).reshape(tensor.shape)
            scales = tensor.quantization and tensor.quantization.scale
            several = scales is not None and len(scales) > 1
            axis = int(tensor.quantization.quantizedDimension) if several else None
            table = find_table(tensor.name.decode(), values, axis)
            if table is not None:
                yield number, kernel, table


def find_table(name: str, values: np.ndarray, axis: int | None) -> LookupTable | None:
    """Returns how a kernel is stored with tables, or None if that is not smaller.

    Args:
        name: The name of the tensor.
        values: What it holds, of int8, int16 or float32.
        axis: The axis along which it has scales of its own, or None. TensorFlow Lite
            Micro takes as many tables as scales.

    Returns:
        As many bits an index as the most different values in a slice need, 16 bytes of
        header, and the tables, all as long as the longest.
    """
    slices = [values] if axis is None else list(np.moveaxis(values, axis, 0))
    longest = max(len(np.unique(part)) for part in slices)
    bits = max((longest - 1).bit_length(), 1)
    indices = -(-values.size * bits // 8)
    size = indices + _HEADER_BYTES + len(slices) * longest * values.itemsize
    if bits > _MOST_BITS or size + _OPERATION_BYTES >= values.nbytes:
        return None
    return LookupTable(name, bits, axis, values.nbytes, size)


def _compress(content: bytes, found: list[tuple[int, int, LookupTable]]) -> bytes:
    with temporary_folder() as folder:
        (folder / "model.tflite").write_bytes(content)
        tables = [(number, kernel, t.bits, t.axis) for number, kernel, t in found]
        (folder / "tables.json").write_text(json.dumps(tables))
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_SCRIPT), str(folder)],
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
                env={**os.environ, "TMPDIR": str(folder)},
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(
                "The file is too large to be compressed here. "
                f"Received: {len(content)} bytes, not done after {_SECONDS} s"
            ) from error
        if done.returncode:
            raise ExportError(
                "The compression of tflite-micro failed. Received: exit code "
                f"{done.returncode}, {done.stderr.strip()[-500:]}"
            )
        return (folder / "compressed.tflite").read_bytes()


def _compare(file: Any, content: bytes, compressed: bytes) -> tuple[int, int]:
    """Runs both files on the same numbers, and returns their arenas."""
    subgraph = file.subgraphs[0]
    generator = np.random.default_rng(_SEED)
    inputs = []
    for index in subgraph.inputs:
        tensor = subgraph.tensors[index]
        shape = (_RUNS, *tensor.shape)
        dtype = np.dtype(type_name(tensor))
        if dtype.kind == "f":
            inputs.append(generator.standard_normal(shape, dtype))
        elif dtype.itemsize > 2 or dtype.kind not in "iu":
            inputs.append(np.zeros(shape, dtype))
        else:
            limits = np.iinfo(dtype)
            inputs.append(generator.integers(limits.min, limits.max, shape, dtype))
    count = len(subgraph.outputs)
    arena, expected = run_raw(content, inputs, count)
    other, given = run_raw(compressed, inputs, count)
    runs = min(len(expected[0]), len(given[0]))
    pairs = zip(expected, given, strict=True)
    if not all(np.array_equal(a[:runs], b[:runs]) for a, b in pairs):
        raise ExportError(
            "The file with lookup tables does not give the same bits. Please report it "
            "with the file. Received: other outputs on TensorFlow Lite Micro"
        )
    return arena, other
