import dataclasses
import shutil
import struct
import zipfile

import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

import tfcompress as tfc
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.export.account.metadata_schema import (
    ModelMetadata,
    TensorMetadata,
    write_flatbuffer,
)

LABELS = ["cat", "dog", "größer"]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((10, 6, 6, 3), np.float32)


@pytest.fixture(scope="module")
def made(images, tmp_path_factory):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(x))
    path = tmp_path_factory.mktemp("metadata") / "pets.tflite"
    return tfc.export.to_tflite(model, path, representative_data=images)


@pytest.fixture
def artifact(made, tmp_path):
    for path in (made.path, made.account):
        shutil.copy(path, tmp_path)
    return tfc.export.Artifact.read(tmp_path / "pets.tflite")


class Table:
    """A table of a flatbuffer, read by the rules of the format.

    https://flatbuffers.dev/internals/
    """

    def __init__(self, data, place):
        self.data, self.place = data, place

    def number(self, kind, place):
        return struct.unpack_from(f"<{kind}", self.data, place)[0]

    def field(self, index):
        table = self.place - self.number("i", self.place)
        if 4 + 2 * index >= self.number("H", table):
            return None
        offset = self.number("H", table + 4 + 2 * index)
        return self.place + offset if offset else None

    def follow(self, place):
        return place + self.number("I", place)

    def byte(self, index):
        place = self.field(index)
        return 0 if place is None else self.data[place]

    def table(self, index):
        return Table(self.data, self.follow(self.field(index)))

    def text(self, index):
        start = self.follow(self.field(index))
        return self.data[start + 4 : start + 4 + self.number("I", start)].decode()

    def vector(self, index):
        start = self.follow(self.field(index))
        return [start + 4 + 4 * i for i in range(self.number("I", start))]

    def tables(self, index):
        return [Table(self.data, self.follow(each)) for each in self.vector(index)]

    def floats(self, index):
        return [self.number("f", each) for each in self.vector(index)]


def read_standard(path):
    file = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    (entry,) = [each for each in file.metadata if each.name == b"TFLITE_METADATA"]
    data = bytes(file.buffers[entry.buffer].data)
    assert data[4:8] == b"M001"
    return Table(data, struct.unpack_from("<I", data, 0)[0])


def test_metadata_stands_where_tools_look_for_it(artifact):
    tfc.export.write_metadata(
        artifact,
        labels=LABELS,
        normalization=(127.5, [1.0, 2.0, 4.0]),
        description="Tells pets apart.",
    )
    root = read_standard(artifact.path)
    assert root.text(0) == "pets"
    assert root.text(1) == "Tells pets apart."
    (graph,) = root.tables(3)
    (image,), (scores,) = graph.tables(2), graph.tables(3)
    assert (image.text(0), scores.text(0)) == ("image", "scores")
    (unit,) = image.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert unit.table(1).floats(0) == [127.5]
    assert unit.table(1).floats(1) == [1.0, 2.0, 4.0]
    (labels,) = scores.tables(6)
    assert labels.byte(2) == 2  # TENSOR_AXIS_LABELS
    with zipfile.ZipFile(artifact.path) as archive:
        assert archive.namelist() == [labels.text(0)]
        assert archive.read(labels.text(0)).decode() == "cat\ndog\ngrößer\n"


def test_file_does_the_same_as_before(made, artifact, images):
    tfc.export.write_metadata(artifact, labels=LABELS, normalization=(0.5, 0.25))
    np.testing.assert_array_equal(artifact.predict(images), made.predict(images))
    renewed = tfc.export.Artifact.read(artifact)
    assert renewed.bytes == artifact.path.stat().st_size > made.bytes
    assert renewed.verification == made.verification


def test_metadata_is_read_back_and_added_to(artifact):
    assert tfc.export.read_metadata(artifact) == tfc.export.Metadata()
    tfc.export.write_metadata(artifact, labels=LABELS)
    tfc.export.write_metadata(artifact, description="Pets.")
    written = tfc.export.write_metadata(artifact, normalization=([0.0], [255.0]))
    assert written == tfc.export.read_metadata(artifact)
    assert written == tfc.export.Metadata("Pets.", tuple(LABELS), (0.0,), (255.0,))
    size = artifact.path.stat().st_size
    tfc.export.write_metadata(artifact, labels=["a", "b", "c"], description="")
    assert tfc.export.read_metadata(artifact).labels == ("a", "b", "c")
    assert artifact.path.stat().st_size <= size
    tfc.export.write_metadata(artifact, labels=[])
    assert tfc.export.read_metadata(artifact).labels == ()


def from_elsewhere(path, written, members):
    """Puts metadata of another tool into a file, and other files behind it."""
    file = flatbuffer_utils.read_model(str(path))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(written, np.uint8)
    entry.name, entry.buffer = b"TFLITE_METADATA", len(file.buffers)
    file.buffers.append(buffer)
    file.metadata = [*(file.metadata or []), entry]
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    with zipfile.ZipFile(path, "a") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path.read_bytes()


def write_author():
    """A name and an author, by the rules of the format."""
    builder = flatbuffers.Builder()
    name, author = builder.CreateString("birds"), builder.CreateString("Someone")
    builder.StartObject(8)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependUOffsetTRelativeSlot(4, author, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"M001")
    return bytes(builder.Output())


LABELED = ModelMetadata(
    "birds",
    "Tells birds apart.",
    (TensorMetadata("picture"),),
    (TensorMetadata("kinds", label_file="birds.txt"),),
)


def test_metadata_from_elsewhere_that_has_a_place_stays(artifact):
    artifact.account.unlink()
    text = "tit\nrobin\nwren\n"
    from_elsewhere(artifact.path, write_flatbuffer(LABELED), {"birds.txt": text})
    now = tfc.export.write_metadata(artifact.path, normalization=(1.0, 2.0))
    assert now.labels == ("tit", "robin", "wren")
    assert now.description == "Tells birds apart."
    root = read_standard(artifact.path)
    assert root.text(0) == "birds"
    (graph,) = root.tables(3)
    assert graph.tables(2)[0].text(0) == "picture"
    assert graph.tables(3)[0].text(0) == "kinds"


@pytest.mark.parametrize(
    ("written", "members", "match"),
    [
        (write_author(), {}, "ModelMetadata.author"),
        (
            write_flatbuffer(LABELED),
            {"birds.txt": "a\nb\nc\n", "voices.txt": "a"},
            "associated file 'voices.txt'",
        ),
        (
            write_flatbuffer(
                dataclasses.replace(
                    LABELED, inputs=(TensorMetadata("text", label_file="words.txt"),)
                )
            ),
            {"birds.txt": "a\nb\nc\n", "words.txt": "a\n"},
            "labels of 'text'",
        ),
    ],
)
def test_what_would_get_lost_is_refused(artifact, written, members, match):
    artifact.account.unlink()
    before = from_elsewhere(artifact.path, written, members)
    with pytest.raises(ModelError, match=match):
        tfc.export.write_metadata(artifact.path, description="Mine.")
    assert artifact.path.read_bytes() == before


def test_file_without_an_account(artifact, images):
    artifact.account.unlink()
    tfc.export.write_metadata(artifact.path, labels=LABELS)
    assert tfc.export.read_metadata(artifact.path).labels == tuple(LABELS)
    assert not artifact.account.exists()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"labels": ["a", "b"]}, r"of shape \(1, 3\).*2 labels"),
        ({"labels": ["a", "b", "c\nd"]}, "one line"),
        ({"labels": ["a", "b", ""]}, "not empty"),
        ({"normalization": 3.0}, "a pair"),
        ({"normalization": (0.0, 0.0)}, "above 0"),
        ({"normalization": (0.0, [1.0, 2.0])}, r"\(1, 6, 6, 3\).*2 numbers"),
        ({"normalization": (np.nan, 1.0)}, "a pair"),
    ],
)
def test_metadata_that_does_not_fit(artifact, arguments, match):
    before = artifact.path.read_bytes()
    with pytest.raises(ArgumentError, match=match):
        tfc.export.write_metadata(artifact, **arguments)
    assert artifact.path.read_bytes() == before


def test_damaged_files(artifact):
    artifact.path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        tfc.export.read_metadata(artifact)


def test_damaged_metadata_is_an_error_of_ours(artifact):
    tfc.export.write_metadata(artifact, labels=LABELS, normalization=(1.0, 2.0))
    content = artifact.path.read_bytes()
    start = content.index(b"M001") - 4
    rng = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(200):
        changed = bytearray(content)
        place = start + int(rng.integers(0, 200))
        changed[place] = int(rng.integers(0, 256))
        artifact.path.write_bytes(changed)
        try:
            tfc.export.read_metadata(artifact.path)
            outcomes["read"] += 1
        except ModelError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 0


def test_the_artifact_stays_that_of_its_file(artifact, images):
    before = artifact.predict(images)
    tfc.export.write_metadata(artifact, labels=LABELS)
    assert artifact.bytes == artifact.path.stat().st_size
    assert artifact.sha256 == tfc.export.Artifact.read(artifact.path).sha256
    np.testing.assert_array_equal(artifact.predict(images), before)


def test_the_artifact_of_a_file_that_was_replaced(artifact, images):
    old = tfc.export.Artifact.read(artifact.path)
    tfc.export.write_metadata(artifact.path, labels=LABELS)
    with pytest.raises(ModelError, match=r"replaced since.*Artifact\.read"):
        old.predict(images)
    with pytest.raises(ModelError, match="replaced since"):
        tfc.export.write_metadata(old, description="Pets.")
