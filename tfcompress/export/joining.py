"""Several `.tflite` files in one, each under a signature of its own."""

import hashlib
from collections.abc import Mapping
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.measurement.files.called_graphs import called_graphs

_VERSION = b"min_runtime_version"


def join_signatures(files: Mapping[str, bytes]) -> bytes:
    """Puts several files into one.

    What two files hold alike, such as the weights of a layer that two models share, is
    stored once.

    Args:
        files: The bytes of files of one signature each, by the name that it shall have.

    Returns:
        The bytes of the file. The first graph in it is that of the first signature.

    Example:
    ```python
    from pathlib import Path
    from tfcompress.export.joining import join_signatures

    files = {name: Path(f"{name}.tflite").read_bytes() for name in ("embed", "score")}
    Path("both.tflite").write_bytes(join_signatures(files))
    ```
    """
    joined = _JoinedFile()
    for name, content in files.items():
        file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
        joined.add(name, file)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(joined.file))


class _JoinedFile:
    """A file to which others are added; numbers in them are changed to its own."""

    def __init__(self) -> None:
        self.file: Any = schema.ModelT()
        self.file.version = 3
        self.file.subgraphs = []
        self.file.operatorCodes = []
        self.file.signatureDefs = []
        self.file.metadata = []
        self.file.buffers = [schema.BufferT()]  # the first is empty by convention
        self.codes: dict[tuple[Any, ...], int] = {}
        self.buffers: dict[str, int] = {}

    def add(self, name: str, file: Any) -> None:
        """Adds a file, whose tables become the joined file's."""
        first = len(self.file.subgraphs)
        codes = [self._code(code) for code in file.operatorCodes]
        buffers = [self._buffer(buffer) for buffer in file.buffers]
        for subgraph in file.subgraphs:
            for tensor in subgraph.tensors:
                tensor.buffer = buffers[tensor.buffer]
            for operator in subgraph.operators or []:
                operator.opcodeIndex = codes[operator.opcodeIndex]
                for options, field in called_graphs(operator):
                    setattr(options, field, getattr(options, field) + first)
                _rename_variable(operator.builtinOptions, name)
        for number, subgraph in enumerate(file.subgraphs):
            subgraph.name = f"{name}_{number}" if number else name
        self.file.subgraphs += file.subgraphs
        (definition,) = file.signatureDefs
        definition.signatureKey = name
        definition.subgraphIndex += first
        self.file.signatureDefs.append(definition)
        self._add_metadata(file, buffers)

    def _code(self, code: Any) -> int:
        key = (
            code.builtinCode,
            code.deprecatedBuiltinCode,
            code.customCode,
            code.version,
        )
        if key not in self.codes:
            self.codes[key] = len(self.file.operatorCodes)
            self.file.operatorCodes.append(code)
        return self.codes[key]

    def _buffer(self, buffer: Any) -> int:
        if buffer.data is None or not len(buffer.data):
            return 0
        key = hashlib.sha256(memoryview(buffer.data)).hexdigest()
        if key not in self.buffers:
            self.buffers[key] = len(self.file.buffers)
            self.file.buffers.append(buffer)
        return self.buffers[key]

    def _add_metadata(self, file: Any, buffers: list[int]) -> None:
        """Keeps what the first file says of itself, and the highest version needed."""
        for entry in file.metadata or []:
            entry.buffer = buffers[entry.buffer]
            same = [each for each in self.file.metadata if each.name == entry.name]
            if not same:
                self.file.metadata.append(entry)
            elif entry.name == _VERSION and self._version(entry) > self._version(
                same[0]
            ):
                same[0].buffer = entry.buffer

    def _version(self, entry: Any) -> tuple[int, ...]:
        text = bytes(self.file.buffers[entry.buffer].data).rstrip(b"\0").decode()
        return tuple(int(part) for part in text.split(".") if part.isdigit())


def _rename_variable(options: Any, name: str) -> None:
    """Keeps variables of two models apart, which may have the same name."""
    if isinstance(options, schema.VarHandleOptionsT):
        options.container = f"{name}/{(options.container or b'').decode()}"
