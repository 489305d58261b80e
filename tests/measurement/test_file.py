import contextlib

import numpy as np
import pytest

from tfcompress.errors import ModelError
from tfcompress.measurement import LiteRTModel, count_weights, size
from tfcompress.measurement.files.file import read_tflite

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
    with pytest.raises(ModelError, match="damaged"):
        read(path)


@pytest.mark.parametrize("read", READERS)
def test_file_of_another_kind(tmp_path, read):
    path = tmp_path / "model.onnx"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(ModelError, match="damaged or of another kind"):
        read(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_an_error_or_harmless(tmp_path, dense_files, read, seed):
    generator = np.random.default_rng(seed)
    content = bytearray(dense_files["int8"].read_bytes())
    for position in generator.integers(8, len(content), 3):
        content[position] = generator.integers(256)
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    with contextlib.suppress(ModelError):
        read(path)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_file_of_keras(tmp_path, dense_model, suffix):
    path = tmp_path / f"model.{suffix}"
    dense_model.save(path)
    with pytest.raises(ModelError, match=r"of Keras.*export\.to_tflite"):
        read_tflite(path)
