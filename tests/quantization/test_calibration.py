import keras
import numpy as np
import pytest

import tfcompress as tfc
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.keras_compat.quantized_graph import activation_ranges


@pytest.fixture
def small():
    """Dense with weights 1 and -2 on one input, then ReLU."""
    inputs = keras.Input((1,), name="entry")
    x = keras.layers.Dense(2, activation="relu", use_bias=False, name="dense")(inputs)
    model = keras.Model(inputs, x)
    model.set_weights([np.array([[1.0, -2.0]])])
    return tfc.quantization.QuantizationAwareTraining().apply(model)


def ranges(model):
    return {layer.name: layer.range for layer in activation_ranges(model)}


def test_ranges_worked_by_hand(small):
    x = np.array([[-3.0], [0.5], [2.0]], np.float32)
    tfc.quantization.calibrate(small, x)
    (first, entry), (last, output) = ranges(small).items()
    assert (first, last) == ("entry_range", "dense")
    assert entry == pytest.approx((-3, 2))
    # The greatest of relu(x) and relu(-2 x), with weights at the ends of their grids.
    assert output == pytest.approx((0, 6))


def test_ranges_hold_zero(small):
    tfc.quantization.calibrate(small, np.array([[4.0], [5.0]], np.float32))
    assert ranges(small)["entry_range"][0] == 0


def test_all_batches_count(small):
    batches = [np.array([[-1.0]]), np.array([[7.0]]), np.array([[2.0]])]
    tfc.quantization.calibrate(small, lambda: iter(batches))
    assert ranges(small)["entry_range"][1] == pytest.approx(7)


def test_samples_limits_what_is_read(small):
    batches = [np.array([[-1.0]]), np.array([[7.0]])]
    tfc.quantization.calibrate(small, lambda: iter(batches), samples=1)
    assert ranges(small)["entry_range"] == (-1, 0)


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
    assert ranges(small) == before


@pytest.mark.parametrize("method", ["min_max", "moving_average", "percentile", "kl"])
def test_methods_agree_on_two_values(small, method):
    x = np.repeat(np.array([[-1.0], [3.0]], np.float32), 50, axis=0)
    tfc.quantization.calibrate(small, x, method=method)
    assert ranges(small)["entry_range"] == pytest.approx((-1, 3), rel=0.01)


def test_percentile_leaves_out_the_outermost(small):
    x = np.concatenate([np.linspace(-1, 1, 99_999), [1000.0]])[:, np.newaxis]
    tfc.quantization.calibrate(small, x, method="percentile", samples=100_000)
    assert ranges(small)["entry_range"][1] == pytest.approx(1, rel=0.01)
    tfc.quantization.calibrate(small, x, method="min_max", samples=100_000)
    assert ranges(small)["entry_range"][1] == pytest.approx(1000)


def test_unknown_method(small):
    with pytest.raises(ArgumentError, match="method"):
        tfc.quantization.calibrate(small, np.ones((4, 1)), method="midmax")


@pytest.mark.parametrize("samples", [0, -1, 1.5, None])
def test_bad_number_of_samples(small, samples):
    with pytest.raises(ArgumentError, match=f"Received: samples={samples}"):
        tfc.quantization.calibrate(small, np.ones((4, 1)), samples=samples)


def test_no_model():
    with pytest.raises(ModelError, match="Received"):
        tfc.quantization.calibrate(None, np.ones((4, 1)))


def test_text_for_numbers(small):
    with pytest.raises(DataError, match="Received"):
        tfc.quantization.calibrate(small, np.array([["a"], ["b"]]))


def test_data_of_another_shape(small):
    with pytest.raises(DataError, match="Received: x of shapes"):
        tfc.quantization.calibrate(small, np.ones((4, 3), np.float32))


def test_activations_that_are_all_zero(small):
    """A range of no width must not make the steps of the next bias too small."""
    tfc.quantization.calibrate(small, np.zeros((4, 1), np.float32))
    assert ranges(small)["entry_range"] == (0, 1)


def test_the_range_behind_an_embedding_holds_its_whole_table():
    inputs = keras.Input((2,), dtype="int32")
    table = keras.layers.Embedding(3, 1, name="table")
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(table(inputs)))
    model = keras.Model(inputs, outputs)
    table.set_weights([np.array([[-5.0], [1.0], [3.0]])])
    aware = tfc.quantization.QuantizationAwareTraining().apply(model)
    tfc.quantization.calibrate(aware, np.array([[1, 2]]))
    assert ranges(aware)["table_range"] == pytest.approx((-5, 3))
