import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import DataError, ModelError
from tfcompress.search.file_meter import FileMeter


def write(folder, name, outputs):
    x = keras.Input((2,), batch_size=1, name="x")
    model = keras.Model(x, outputs(x))
    path = folder / name
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files that give their input, a little more, and two outputs."""
    folder = tmp_path_factory.mktemp("files")
    return {
        "same": write(folder, "same.tflite", lambda x: x * 1.0),
        "more": write(folder, "more.tflite", lambda x: x + 0.25),
        "two": write(folder, "two.tflite", lambda x: {"a": x * 1.0, "b": x * 2.0}),
    }


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)


def test_errors_are_measured_as_negative_numbers(files, inputs):
    meter = FileMeter(files["same"], (inputs, inputs), "mae")
    assert (meter.name, meter.baseline) == ("negative_mae", 0.0)
    quality, agreement = meter.measure(files["more"])
    assert quality == pytest.approx(-0.25, abs=1e-6)
    assert agreement is None


def test_one_of_several_outputs(files, inputs):
    labels = {"a": inputs.argmax(1), "b": inputs.argmin(1)}
    meter = FileMeter(files["two"], (inputs, labels), "b/accuracy")
    assert (meter.name, meter.baseline) == ("b/accuracy", 0.0)
    assert meter.measure(files["two"]) == (0.0, None)
    with pytest.raises(ModelError, match="one output"):
        FileMeter(files["two"], inputs, "agreement")


def test_labels_are_needed(files, inputs):
    with pytest.raises(DataError, match=r'pass \(x, y\).*metric="agreement"'):
        FileMeter(files["same"], inputs, "accuracy")
    meter = FileMeter(files["same"], inputs, "agreement")
    assert meter.measure(files["more"]) == (1.0, 1.0)


def test_whole_numbers_beside_outputs_from_0_to_1(tmp_path):
    file = write(tmp_path, "one.tflite", lambda x: keras.ops.sigmoid(x[:, :1]))
    x = np.zeros((4, 2), np.float32)
    meter = FileMeter(file, (x, np.array([[0], [1], [2], [3]])), "mae")
    assert meter.baseline == pytest.approx(-(0.5 + 0.5 + 1.5 + 2.5) / 4)
