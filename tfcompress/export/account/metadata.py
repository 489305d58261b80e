"""What a `.tflite` file says of itself: labels, normalization, a description."""

import contextlib
import dataclasses
import io
import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.export.account.account_file import (
    account_path,
    digest,
    read_account,
    replacing_with_account,
)
from tfcompress.export.account.artifact import Artifact
from tfcompress.export.account.metadata_schema import (
    ModelMetadata,
    TensorMetadata,
    find_unknown_fields,
    read_flatbuffer,
    write_flatbuffer,
)
from tfcompress.files import write_atomically
from tfcompress.measurement.files.file import read_tflite

_ENTRY = b"TFLITE_METADATA"
_LABELS = "labels.txt"
_DAMAGE = (IndexError, KeyError, TypeError, ValueError, struct.error)


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a file says of itself.

    Attributes:
        description: What the model does.
        labels: A label for each number of the output, or nothing.
        mean: What the app subtracts from each channel of the input, or nothing.
        standard_deviation: What it divides by then.
    """

    description: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    standard_deviation: tuple[float, ...] = ()


def write_metadata(
    path: str | os.PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    normalization: Any = None,
    description: str | None = None,
) -> Metadata:
    """Writes into a `.tflite` file what an app must know to use it.

    The form is that of https://ai.google.dev/edge/litert/models/metadata, which
    LiteRT's Task and Support libraries and Android Studio read: a flatbuffer of
    `metadata_schema.fbs`, in the file's metadata `TFLITE_METADATA`, and the labels in
    an associated file `labels.txt`, one a line, which stands in a ZIP archive behind
    the model, so `unzip` shows it too. LiteRT runs the file as before. What was written
    earlier and is not given now stays. The account beside the file is renewed.

    A file from elsewhere may say more than there is a place for here, such as an
    author, statistics of its inputs or a vocabulary. It is refused, and nothing that it
    says gets lost.

    Args:
        path: The file, or its `Artifact`, whose `bytes` and `sha256` are renewed.
        labels: A label for each number of the last axis of the first output.
        normalization: What the app must do to the first input: subtract a mean and
            divide by a standard deviation. A pair `(mean, standard_deviation)` of
            numbers, or of lists with one for each channel.
        description: What the model does.

    Returns:
        All that the file now says.

    Raises:
        ArgumentError: If there are not as many labels as the output has numbers, or
            the normalization is no such pair.
        ModelError: If the file is damaged, if its account is not its own, if it has
            been replaced since the `Artifact` was made, or if it says what would get
            lost.
        OutputError: If it cannot be written. It then stays as it was.

    Example:
    ```python
    tfc.export.write_metadata(
        artifact, labels=["cat", "dog"], normalization=(127.5, 127.5)
    )
    ```
    """
    content = read_tflite(path)
    file = Path(path)
    account = read_account(file) if account_path(file).exists() else None
    before = _read(content)
    _refuse_loss(content)
    mean, deviation = before.mean, before.standard_deviation
    if normalization is not None:
        mean, deviation = _read_normalization(normalization)
    now = Metadata(
        description=before.description if description is None else description,
        labels=before.labels if labels is None else tuple(labels),
        mean=mean,
        standard_deviation=deviation,
    )
    changed = _embed(content, now, file.stem)
    renewed = {"bytes": len(changed), "sha256": digest(changed)}
    if account is None:
        write_atomically(file, changed)
    else:
        with replacing_with_account(file) as (temporary, write):
            temporary.write_bytes(changed)
            write({**account, **renewed})
    if isinstance(path, Artifact):
        for name, value in renewed.items():
            object.__setattr__(path, name, value)  # The same file, which says more.
    return now


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Reads what a `.tflite` file says of itself.

    Args:
        path: The file, or an `Artifact`; its metadata may be from elsewhere.

    Returns:
        The `Metadata`, empty for a file without any.

    Raises:
        ModelError: If the file, or what it says, is damaged.

    Example:
    ```python
    print(tfc.export.read_metadata("small.tflite").labels)
    ```
    """
    return _read(read_tflite(path))


def _read(content: bytes) -> Metadata:
    with _reading():
        entry = _read_entry(content)
        if entry is None:
            return Metadata()
        written = read_flatbuffer(entry)
        first = written.inputs[0] if written.inputs else TensorMetadata("")
        labels = written.outputs[0].label_file if written.outputs else None
        return Metadata(
            description=written.description,
            labels=_read_labels(content, labels) if labels else (),
            mean=first.mean,
            standard_deviation=first.standard_deviation,
        )


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (*_DAMAGE, zipfile.BadZipFile) as error:
        raise ModelError(
            "The metadata of the file is damaged, or of another form than TFLite's; "
            f"export the model again. Received: {error}"
        ) from error


def _read_entry(content: bytes) -> bytes | None:
    """Returns the flatbuffer in which a file says something of itself, if it does."""
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    for each in file.metadata or []:
        if each.name == _ENTRY:
            return bytes(file.buffers[each.buffer].data)
    return None


def _refuse_loss(content: bytes) -> None:
    """Raises an error if a file says what `_embed` would not write again."""
    with _reading():
        entry = _read_entry(content)
        lost = [] if entry is None else find_unknown_fields(entry)
        written = None if entry is None else read_flatbuffer(entry)
        tensors = (*written.inputs, *written.outputs[1:]) if written else ()
        lost += [f"labels of {each.name!r}" for each in tensors if each.label_file]
        kept = written.outputs[0].label_file if written and written.outputs else None
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                others = sorted(set(archive.namelist()) - {kept})
            lost += [f"the associated file {name!r}" for name in others]
    if lost:
        raise ModelError(
            "The file says more of itself than tfcompress can write, and it would get "
            "lost; change its metadata with the tool that wrote it. "
            f"Received: {', '.join(lost)}"
        )


def _read_labels(content: bytes, name: str) -> tuple[str, ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tuple(archive.read(name).decode("utf-8").splitlines())


def _embed(content: bytes, metadata: Metadata, name: str) -> bytes:
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph = file.subgraphs[0]
    _check(metadata, graph)
    inputs = _describe(file, graph.inputs, "inputs")
    outputs = _describe(file, graph.outputs, "outputs")
    entry = _read_entry(content)
    if entry is not None:
        before = read_flatbuffer(entry)
        name = before.name or name
        inputs = list(before.inputs) or inputs
        outputs = list(before.outputs) or outputs
    if metadata.mean:
        inputs[0] = dataclasses.replace(
            inputs[0],
            mean=metadata.mean,
            standard_deviation=metadata.standard_deviation,
        )
    labels = _LABELS if metadata.labels else None
    outputs[0] = dataclasses.replace(outputs[0], label_file=labels)
    written = write_flatbuffer(
        ModelMetadata(name, metadata.description, tuple(inputs), tuple(outputs))
    )
    _put(file, written)
    model = bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    if not metadata.labels:
        return model
    text = "".join(f"{label}\n" for label in metadata.labels)
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a") as archive:
        # A date of its own would make every file another one.
        archive.writestr(zipfile.ZipInfo(_LABELS), text.encode("utf-8"))
    return stream.getvalue()


def _put(file: Any, written: bytes) -> None:
    """Puts the flatbuffer into the file, in the place of an earlier one."""
    data = np.frombuffer(written, np.uint8)
    for entry in file.metadata or []:
        if entry.name == _ENTRY:
            file.buffers[entry.buffer].data = data
            return
    buffer = schema.BufferT()
    buffer.data = data
    file.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name = _ENTRY
    entry.buffer = len(file.buffers) - 1
    file.metadata = [*(file.metadata or []), entry]


def _describe(file: Any, indices: Any, side: str) -> list[TensorMetadata]:
    """Names the inputs or outputs of the first graph, as its signature does."""
    names = {
        int(item.tensorIndex): item.name.decode()
        for definition in file.signatureDefs or []
        if definition.subgraphIndex == 0
        for item in getattr(definition, side) or []
    }
    tensors = file.subgraphs[0].tensors
    return [
        TensorMetadata(names.get(int(i), tensors[i].name.decode())) for i in indices
    ]


def _check(metadata: Metadata, graph: Any) -> None:
    if metadata.labels:
        shape = [int(size) for size in graph.tensors[graph.outputs[0]].shape]
        if not shape or shape[-1] != len(metadata.labels):
            raise ArgumentError(
                "There must be a label for each number of the last axis of the first "
                f"output, of shape {tuple(shape)}. "
                f"Received: {len(metadata.labels)} labels"
            )
        for label in metadata.labels:
            if not isinstance(label, str) or len(label.splitlines()) != 1:
                raise ArgumentError(
                    "A label must be text on one line, and not empty. "
                    f"Received: {label!r}"
                )
    if metadata.mean:
        shape = [int(size) for size in graph.tensors[graph.inputs[0]].shape]
        for values in (metadata.mean, metadata.standard_deviation):
            if len(values) not in (1, shape[-1] if shape else 1):
                raise ArgumentError(
                    "The normalization must have one number, or one for each channel "
                    f"of the first input, of shape {tuple(shape)}. "
                    f"Received: {len(values)} numbers"
                )


def _read_normalization(value: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    try:
        pair = tuple(np.asarray(each, np.float64).reshape(-1) for each in value)
    except (TypeError, ValueError):
        pair = ()
    good = len(pair) == 2 and all(v.size and np.isfinite(v).all() for v in pair)
    if not good or (pair[1] <= 0).any():
        raise ArgumentError(
            "normalization must be a pair (mean, standard_deviation) of numbers, or of "
            "lists with one for each channel; deviations are above 0. "
            f"Received: normalization={value!r}"
        )
    mean, deviation = pair
    return tuple(mean.tolist()), tuple(deviation.tolist())
