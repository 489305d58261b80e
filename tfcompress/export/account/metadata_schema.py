"""The flatbuffer with which TFLite files describe themselves.

The tables and the numbers of their fields are those of
https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flatbuffers
from flatbuffers.table import Table

IDENTIFIER = b"M001"
# Of the enum AssociatedFileType, and of the union ProcessUnitOptions.
_AXIS_LABELS = 2
_NORMALIZATION = 1
_MINIMUM_PARSER = "1.0.0"
# The fields of each table in their order, and of those that `ModelMetadata` has a place
# for, which table they hold: none, or one of these.
_FIELDS = {
    "ModelMetadata": (
        "name description version subgraph_metadata author license associated_files "
        "min_parser_version"
    ),
    "SubGraphMetadata": (
        "name description input_tensor_metadata output_tensor_metadata "
        "associated_files input_process_units output_process_units "
        "input_tensor_groups output_tensor_groups"
    ),
    "TensorMetadata": (
        "name description dimension_names content process_units stats associated_files"
    ),
    "ProcessUnit": "options_type options",
    "NormalizationOptions": "mean std",
    "AssociatedFile": "name description type locale version",
}
_KNOWN: dict[str, dict[int, str | None]] = {
    "ModelMetadata": {0: None, 1: None, 3: "SubGraphMetadata", 7: None},
    "SubGraphMetadata": {2: "TensorMetadata", 3: "TensorMetadata"},
    "TensorMetadata": {0: None, 4: "ProcessUnit", 6: "AssociatedFile"},
    "ProcessUnit": {0: None, 1: "NormalizationOptions"},
    "NormalizationOptions": {0: None, 1: None},
    "AssociatedFile": {0: None, 2: None},
}
# Of these `ModelMetadata` has a place for one.
_SINGLE = ("SubGraphMetadata", "ProcessUnit", "AssociatedFile")


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
    root = _read_root(content)
    graphs = _read_tables(root, 3)
    return ModelMetadata(
        name=_read_text(root, 0) or "",
        description=_read_text(root, 1) or "",
        inputs=_read_tensors(graphs[0], 2) if graphs else (),
        outputs=_read_tensors(graphs[0], 3) if graphs else (),
    )


def find_unknown_fields(content: bytes) -> list[str]:
    """Lists what such a flatbuffer holds that `ModelMetadata` has no place for.

    Args:
        content: The bytes of the flatbuffer.

    Returns:
        The fields, such as `"ModelMetadata.author"`.

    Raises:
        ValueError: As `read_flatbuffer` does.
    """
    found = _find_unknown(_read_root(content), "ModelMetadata")
    return list(dict.fromkeys(found))


def _find_unknown(table: Any, kind: str) -> Iterator[str]:
    names = _FIELDS[kind].split()
    for number in range(_count_fields(table)):
        if not _place(table, number):
            continue
        name = names[number] if number < len(names) else f"field {number}"
        if number not in _KNOWN[kind]:
            yield f"{kind}.{name}"
            continue
        inner = _KNOWN[kind][number]
        if inner is None:
            continue
        if inner == "NormalizationOptions":
            if _read_kind(table, 0) == _NORMALIZATION:
                yield from _find_unknown(_follow(table, number), inner)
            else:
                yield f"{kind}.{name} of another kind than normalization"
            continue
        tables = _read_tables(table, number)
        if inner in _SINGLE and len(tables) > 1:
            yield f"{kind}.{name} with {len(tables)} entries"
        for each in tables:
            if inner == "AssociatedFile" and _read_kind(each, 2) != _AXIS_LABELS:
                yield f"{kind}.{name} of another kind than labels of an axis"
            yield from _find_unknown(each, inner)


def _read_root(content: bytes) -> Any:
    buffer = bytearray(content)
    position = flatbuffers.encode.Get(flatbuffers.packer.uoffset, buffer, 0)
    return Table(buffer, position)


def _count_fields(table: Any) -> int:
    """Returns for how many fields a table has places, or marks that they are out."""
    flags = flatbuffers.number_types
    start = table.Pos - table.Get(flags.SOffsetTFlags, table.Pos)
    return (int(table.Get(flags.VOffsetTFlags, start)) - 4) // 2


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
