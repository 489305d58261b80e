import sys

import keras
import numpy as np
import pytest

from tests.measurement.conftest import convert
from tfcompress.errors import ModelError
from tfcompress.measurement import first_run

WIDTH = 2000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file with 16 MB of weights."""
    inputs = keras.Input((WIDTH,), batch_size=1)
    dense = keras.layers.Dense(WIDTH, kernel_initializer="ones")
    path = tmp_path_factory.mktemp("large") / "large.tflite"
    path.write_bytes(convert(keras.Model(inputs, dense(inputs))))
    return path


def test_memory_holds_the_weights_at_least_once(large, dense_files):
    small, whole = first_run(dense_files["fixed"]), first_run(large)
    assert small.load_ms > 0
    assert small.first_inference_ms > 0
    if sys.platform != "linux":
        assert whole.peak_bytes is None
        return
    weights = 4 * WIDTH * WIDTH
    assert weights < whole.peak_bytes < 3.5 * weights
    # A file of a few hundred bytes takes what the runtime itself needs to start.
    assert 0 < small.peak_bytes < 8_000_000


@pytest.mark.parametrize("name", ["four", "free", "int8", "uint8"])
def test_files_of_all_kinds(dense_files, name):
    assert first_run(dense_files[name], threads=2).first_inference_ms > 0


def test_what_cannot_be_run(tmp_path, dense_files):
    with pytest.raises(ModelError, match=r"none\.tflite"):
        first_run(tmp_path / "none.tflite")
    content = dense_files["fixed"].read_bytes()
    half = tmp_path / "half.tflite"
    half.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"may be damaged.*half\.tflite"):
        first_run(half)


def test_a_crash_stays_in_the_child(tmp_path, dense_files):
    """Bytes of noise in the middle: an error or a run, and this process goes on."""
    content = bytearray(dense_files["fixed"].read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, 400, dtype=np.uint8)
    content[100:500] = noise.tobytes()
    path = tmp_path / "noise.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"noise\.tflite"):
        first_run(path)
