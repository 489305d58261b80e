import re

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tfcompress.errors import DataError, ModelError
from tfcompress.keras_compat.tfmot_layers import quantization_layers


@pytest.fixture
def small():
    """Dense with weights 1 and -2 on one input, then ReLU."""
    inputs = keras.Input((1,))
    x = keras.layers.Dense(2, activation="relu", use_bias=False, name="dense")(inputs)
    model = keras.Model(inputs, x)
    model.set_weights([np.array([[1.0, -2.0]])])
    return tfc.quantization.QuantizationAwareTraining().apply(model)


def ranges(model):
    found = {}
    for layer in quantization_layers(model):
        for variable in layer.weights:
            name = variable.name.split(":")[0].split("/")[-1]
            if name.endswith(("_min", "_max")):
                # The first layer rounds the input; its number is not fixed.
                name = re.sub(r"quantize_layer(_\d+)?", "input", name)
                found[name] = float(variable.numpy())
    return found


def test_ranges_worked_by_hand(small):
    x = np.array([[-3.0], [0.5], [2.0]], np.float32)
    tfc.quantization.calibrate(small, x)
    found = ranges(small)
    assert found["input_min"] == pytest.approx(-3)
    assert found["input_max"] == pytest.approx(2)
    assert found["kernel_max"] == pytest.approx(2)
    assert found["kernel_min"] == pytest.approx(-2)
    assert found["post_activation_min"] == 0
    # The greatest of relu(x) and relu(-2 x), with the weight 1 on a grid of 2 / 127.
    assert found["post_activation_max"] == pytest.approx(6, rel=0.01)


def test_ranges_hold_zero(small):
    tfc.quantization.calibrate(small, np.array([[4.0], [5.0]], np.float32))
    assert ranges(small)["input_min"] == 0


def test_all_batches_count(small):
    batches = [np.array([[-1.0]]), np.array([[7.0]]), np.array([[2.0]])]
    tfc.quantization.calibrate(small, lambda: iter(batches))
    assert ranges(small)["input_max"] == pytest.approx(7)


def test_samples_limits_what_is_read(small):
    batches = [np.array([[-1.0]]), np.array([[7.0]])]
    tfc.quantization.calibrate(small, lambda: iter(batches), samples=1)
    assert ranges(small)["input_max"] == 0


def test_returns_the_model_and_can_be_repeated(small):
    x = np.array([[1.0]], np.float32)
    assert tfc.quantization.calibrate(small, x) is small
    first = small(x, training=False)
    tfc.quantization.calibrate(small, x)
    np.testing.assert_array_equal(first, small(x, training=False))


def test_model_that_is_not_quantization_aware():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    with pytest.raises(ModelError, match="QuantizationAwareTraining"):
        tfc.quantization.calibrate(model, np.ones((1, 1)))


def test_empty_data(small):
    with pytest.raises(DataError, match="empty"):
        tfc.quantization.calibrate(small, np.zeros((0, 1), np.float32))


def test_not_finite_and_ranges_stay(small):
    before = ranges(small)
    with pytest.raises(DataError, match="Calibration data must hold finite"):
        tfc.quantization.calibrate(small, np.array([[np.nan]]))
    after = ranges(small)
    assert after["input_max"] == before["input_max"]
