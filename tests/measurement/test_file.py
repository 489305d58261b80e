import pytest

from tfcompress.errors import ModelError
from tfcompress.measurement import LiteRTModel, count_weights, size
from tfcompress.measurement.file import read_tflite

READERS = [read_tflite, LiteRTModel, count_weights, size]


def test_reads_the_bytes(dense_files):
    path = dense_files["fixed"]
    assert read_tflite(path) == read_tflite(str(path)) == path.read_bytes()


@pytest.mark.parametrize("read", READERS)
def test_missing_file(tmp_path, read):
    with pytest.raises(
        ModelError, match=r"Received: path=.*none\.tflite.*No such file"
    ):
        read(tmp_path / "none.tflite")


@pytest.mark.parametrize("read", READERS)
def test_folder(tmp_path, read):
    with pytest.raises(ModelError, match="Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize("read", READERS)
def test_empty_file(tmp_path, read):
    path = tmp_path / "empty.tflite"
    path.touch()
    with pytest.raises(ModelError, match="which is empty"):
        read(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_file(tmp_path, dense_files, read, share):
    content = dense_files["fixed"].read_bytes()
    path = tmp_path / "half.tflite"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="damaged or of another kind"):
        read(path)


@pytest.mark.parametrize("read", READERS)
def test_file_of_another_kind(tmp_path, read):
    path = tmp_path / "model.keras"
    path.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8)
    with pytest.raises(ModelError, match="damaged or of another kind"):
        read(path)
