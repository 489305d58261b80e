import keras
import numpy as np
import pytest
import tf_keras

import tfcompress as tfc
from tests.models import build_classifier, train
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat.quantized_graph import rounded_layers
from tfcompress.quantization import QuantizationAwareTraining, storage

FORMATS = ["linear", "logarithmic", "power_of_two"]


def wrap(bits, weight_format, module=keras, **arguments):
    technique = QuantizationAwareTraining(
        bits, weight_format=weight_format, **arguments
    )
    model = build_classifier(module, width=4)
    return technique, technique.apply(model), model


@pytest.mark.parametrize("weight_format", FORMATS)
@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
def test_packed_kernels_unpack_to_what_the_model_computes_with(bits, weight_format):
    _, aware, _ = wrap(bits, weight_format)
    result = storage(aware)
    computed = {layer.name: layer.rounded_kernels() for layer in rounded_layers(aware)}
    rows = [row for row in result.rows if row.kernels]
    assert [row.name for row in rows] == ["conv1", "conv2", "logits"]
    for row, kernels in zip(rows, computed.values(), strict=True):
        for stored, (_, values) in zip(row.kernels, kernels, strict=True):
            assert stored.packed.size == -(-values.size * bits // 8)
            np.testing.assert_array_equal(stored.unpack(), values)


def test_logarithmic_kernels_are_those_of_the_formula():
    technique, aware, model = wrap(4, "logarithmic")
    kernel = np.asarray(model.get_layer("conv2").kernel, np.float64)
    unit = np.abs(kernel).mean((0, 1, 2))
    y = np.log1p(np.abs(kernel) / unit)
    scale = y.max((0, 1, 2)) / 7
    expected = np.sign(kernel) * unit * np.expm1(np.round(y / scale) * scale)
    final = technique.finalize(aware)
    rounded = np.asarray(final.get_layer("conv2").kernel)
    np.testing.assert_allclose(rounded, expected, atol=1e-6)


def test_power_of_two_kernels_are_powers_of_two():
    technique, aware, _ = wrap(4, "power_of_two")
    kernel = np.asarray(technique.finalize(aware).get_layer("logits").kernel)
    exponents = np.log2(np.abs(kernel[kernel != 0]))
    np.testing.assert_array_equal(exponents, np.round(exponents))
    assert len(np.unique(exponents)) > 3


@pytest.mark.parametrize("weight_format", FORMATS)
def test_zeros_stay_zero_in_training(digits, weight_format):
    model = build_classifier(keras, width=4)
    layer = model.get_layer("conv2")
    kernel = np.asarray(layer.kernel)
    zeros = np.abs(kernel) < np.median(np.abs(kernel))
    layer.set_weights([np.where(zeros, 0, kernel)])
    technique = QuantizationAwareTraining(4, weight_format=weight_format)
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0][0][:64])
    x, y = digits[0]
    train(aware, (x[:64], y[:64]), epochs=1)
    after = np.asarray(technique.finalize(aware).get_layer("conv2").kernel)
    assert (after[zeros] == 0).all()
    assert (after[~zeros] != 0).any()


@pytest.mark.parametrize("weight_format", FORMATS[1:])
def test_saved_and_loaded(weight_format, tmp_path):
    _, aware, _ = wrap(4, weight_format)
    aware.save(tmp_path / "aware.keras")
    again = tf_keras.models.load_model(tmp_path / "aware.keras")
    for one, other in zip(rounded_layers(aware), rounded_layers(again), strict=True):
        assert one.roundings == other.roundings
        assert one.roundings[0].format == weight_format
        for (_, a), (_, b) in zip(
            one.rounded_kernels(), other.rounded_kernels(), strict=True
        ):
            np.testing.assert_array_equal(a, b)


# Weights of build_classifier(width=4): conv1 3·3·1·4, norms 4 vectors of 4, conv2
# 3·3·4·4, logits 4·4·4·10 and a bias of 10.
def test_sizes_counted_by_hand():
    _, aware, _ = wrap(4, "logarithmic")
    result = storage(aware)
    assert {row.name: row.float32_bytes for row in result.rows} == {
        "conv1": 144,
        "norm1": 64,
        "conv2": 576,
        "norm2": 64,
        "logits": 2600,
    }
    # A unit and a scale for each output, of four bytes each.
    assert {row.name: row.bytes for row in result.rows if row.kernels} == {
        "conv1": 18 + 4 * 8,
        "conv2": 72 + 4 * 8,
        "logits": 320 + 10 * 8 + 40,
    }
    # A byte for each weight, a scale for each output.
    assert {row.name: row.tflite_bytes for row in result.rows if row.kernels} == {
        "conv1": 36 + 16,
        "conv2": 144 + 16,
        "logits": 640 + 40 + 40,
    }
    assert {row.where for row in result.rows if row.kernels} == {"storage only"}
    assert result.float32_bytes == 3448
    assert result.bytes == 50 + 104 + 440 + 128
    assert result.tflite_bytes == 52 + 160 + 720 + 128


@pytest.mark.parametrize(
    ("bits", "expected", "where"),
    [
        (2, {"conv1": 18, "conv2": 72, "logits": 160}, ["storage only"] * 2),
        (4, {"conv1": 18, "conv2": 72, "logits": 320}, ["TFLite"] * 2),
        (5, {"conv1": 36, "conv2": 144, "logits": 640}, ["storage only"] * 2),
        (8, {"conv1": 36, "conv2": 144, "logits": 640}, ["TFLite"] * 2),
    ],
)
def test_what_a_file_holds(bits, expected, where):
    _, aware, _ = wrap(bits, "linear")
    rows = {row.name: row for row in storage(aware).rows if row.kernels}
    numbers = {
        name: row.tflite_bytes - 4 * row.kernels[0].scales - 40 * (name == "logits")
        for name, row in rows.items()
    }
    assert numbers == expected
    assert [rows["conv1"].where, rows["conv2"].where] == where


def test_tables():
    _, aware, _ = wrap(3, "power_of_two")
    result = storage(aware)
    assert "power-of-two, 3 bits" in str(result)
    assert "storage only" in str(result)
    markdown = result.to_markdown()
    assert "| conv1 | power-of-two, 3 bits |" in markdown
    # 36 weights of 3 bits in 14 bytes, and an exponent of one byte for each output.
    assert "| 18 | 144 | 52 | storage only |" in markdown
    assert result.to_dict()["rows"][0]["bytes"] == 18


def test_account_says_format_and_bits():
    technique, _, _ = wrap(3, "power_of_two")
    assert technique.account.notes["conv1"] == "power-of-two weights of 3 bits"


def test_a_model_that_is_not_quantization_aware():
    with pytest.raises(ModelError, match="is not quantization-aware"):
        storage(build_classifier(keras))


def test_unknown_format():
    with pytest.raises(ArgumentError, match=r"nearest are \['logarithmic'"):
        QuantizationAwareTraining(weight_format="logarithm")


def test_a_file_says_that_it_rounds_once_more(digits, tmp_path):
    _, aware, _ = wrap(4, "power_of_two")
    tfc.quantization.calibrate(aware, digits[0][0][:64])
    with pytest.warns(UserWarning, match="no kernels for power_of_two weights"):
        artifact = tfc.export.to_tflite(aware, tmp_path / "a.tflite")
    assert len(artifact.notes) == 1


@pytest.mark.slow
@pytest.mark.parametrize("weight_format", FORMATS[1:])
def test_four_bits_learn_nearly_as_well_as_float(digits, tmp_path, weight_format):
    keras.utils.set_random_seed(0)
    model = build_classifier(keras)
    train(model, digits[0], epochs=15)
    technique = QuantizationAwareTraining(4, weight_format=weight_format)
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0][0])
    train(aware, digits[0], epochs=8, callbacks=technique.callbacks())
    x, y = digits[1]

    def accuracy(outputs):
        return (np.asarray(outputs).argmax(-1) == y).mean()

    before = accuracy(model(x, training=False))
    assert accuracy(aware(x, training=False)) >= before - 0.02
    assert accuracy(technique.finalize(aware)(x, training=False)) >= before - 0.02
    with pytest.warns(UserWarning, match="rounded once more"):
        artifact = tfc.export.to_tflite(aware, tmp_path / "small.tflite")
    assert accuracy(artifact.predict(x)) >= before - 0.03
