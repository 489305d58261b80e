"""The flatbuffer with which TFLite files describe themselves.

The tables and the numbers of their fields are those of
https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
from flatbuffers.table import Table

IDENTIFIER = b"M001"
# Of the enum AssociatedFileType, and of the union ProcessUnitOptions.
_AXIS_LABELS = 2
_NORMALIZATION = 1
_MINIMUM_PARSER = "1.0.0"


@dataclasses.dataclass(frozen=True)
class TensorMetadata:
    """What is said of one input or output.

    Attributes:
        name: Its name.
        mean: What an app subtracts from each channel, or nothing.
        standard_deviation: What it divides by then.
        label_file: Name of the file with a label for each number, or None.
    """

    name: str
    mean: tuple[float, ...] = ()
    standard_deviation: tuple[float, ...] = ()
    label_file: str | None = None


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What is said of a file.

    Attributes:
        name: Name of the model.
        description: What it does.
        inputs: Its inputs, in the order of the file's first graph.
        outputs: Its outputs.
    """

    name: str
    description: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


def write_flatbuffer(metadata: ModelMetadata) -> bytes:
    """Writes metadata as the flatbuffer that TFLite's tools read."""
    builder = flatbuffers.Builder(1024)
    inputs = _tables(builder, [_tensor(builder, each) for each in metadata.inputs])
    outputs = _tables(builder, [_tensor(builder, each) for each in metadata.outputs])
    graph = _table(builder, 7, {2: inputs, 3: outputs})
    root = _table(
        builder,
        8,
        {
            0: builder.CreateString(metadata.name),
            1: builder.CreateString(metadata.description),
            3: _tables(builder, [graph]),
            7: builder.CreateString(_MINIMUM_PARSER),
        },
    )
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def read_flatbuffer(content: bytes) -> ModelMetadata:
    """Reads such a flatbuffer, and leaves out what `ModelMetadata` has no field for.

    Raises:
        ValueError: If it is damaged; so do IndexError, TypeError and `struct.error`.
    """
    buffer = bytearray(content)
    position = flatbuffers.encode.Get(flatbuffers.packer.uoffset, buffer, 0)
    root = Table(buffer, position)
    graphs = _read_tables(root, 3)
    return ModelMetadata(
        name=_read_text(root, 0) or "",
        description=_read_text(root, 1) or "",
        inputs=_read_tensors(graphs[0], 2) if graphs else (),
        outputs=_read_tensors(graphs[0], 3) if graphs else (),
    )


def _tensor(builder: Any, metadata: TensorMetadata) -> int:
    fields = {0: builder.CreateString(metadata.name)}
    if metadata.mean:
        options = _table(
            builder,
            2,
            {
                0: _floats(builder, metadata.mean),
                1: _floats(builder, metadata.standard_deviation),
            },
        )
        unit = _table(builder, 2, {1: options}, kinds={0: _NORMALIZATION})
        fields[4] = _tables(builder, [unit])
    if metadata.label_file is not None:
        name = builder.CreateString(metadata.label_file)
        file = _table(builder, 4, {0: name}, kinds={2: _AXIS_LABELS})
        fields[6] = _tables(builder, [file])
    return _table(builder, 7, fields)


def _table(
    builder: Any,
    size: int,
    offsets: dict[int, int],
    kinds: dict[int, int] | None = None,
) -> int:
    """Writes a table of so many fields: other objects, and numbers of one byte."""
    builder.StartObject(size)
    for number, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    for number, kind in (kinds or {}).items():
        builder.PrependInt8Slot(number, kind, 0)
    return int(builder.EndObject())


def _tables(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())


def _read_tensors(graph: Any, number: int) -> tuple[TensorMetadata, ...]:
    return tuple(_read_tensor(table) for table in _read_tables(graph, number))


def _read_tensor(table: Any) -> TensorMetadata:
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    for unit in _read_tables(table, 4):
        options = _follow(unit, 1)
        if _read_kind(unit, 0) == _NORMALIZATION and options is not None:
            mean, deviation = _read_floats(options, 0), _read_floats(options, 1)
    labels = [
        _read_text(file, 0)
        for file in _read_tables(table, 6)
        if _read_kind(file, 2) == _AXIS_LABELS
    ]
    return TensorMetadata(
        _read_text(table, 0) or "", mean, deviation, labels[0] if labels else None
    )


def _place(table: Any, number: int) -> int:
    """Returns where a field lies in its table, or 0 where it is left out."""
    return int(table.Offset(4 + 2 * number))


def _read_text(table: Any, number: int) -> str | None:
    place = _place(table, number)
    return table.String(place + table.Pos).decode() if place else None


def _read_kind(table: Any, number: int) -> int:
    place = _place(table, number)
    flags = flatbuffers.number_types.Int8Flags
    return int(table.Get(flags, place + table.Pos)) if place else 0


def _follow(table: Any, number: int) -> Any:
    place = _place(table, number)
    return Table(table.Bytes, table.Indirect(place + table.Pos)) if place else None


def _read_vector(table: Any, number: int, read: Callable[[int], Any]) -> list[Any]:
    place = _place(table, number)
    if not place:
        return []
    start, length = table.Vector(place), table.VectorLen(place)
    if start + 4 * length > len(table.Bytes):
        raise ValueError(f"a list of {length} items in {len(table.Bytes)} bytes")
    return [read(start + 4 * each) for each in range(length)]


def _read_tables(table: Any, number: int) -> list[Any]:
    return _read_vector(
        table, number, lambda place: Table(table.Bytes, table.Indirect(place))
    )


def _read_floats(table: Any, number: int) -> tuple[float, ...]:
    flags = flatbuffers.number_types.Float32Flags
    values = _read_vector(table, number, lambda place: table.Get(flags, place))
    return tuple(float(value) for value in values)
