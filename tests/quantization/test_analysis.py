import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

import tfcompress as tfc
from tests.models import build_classifier, tf_keras_is_slow
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError

analyze = tfc.quantization.analyze


def sqnr(exact, rounded):
    return 10 * np.log10((exact**2).sum() / ((exact - rounded) ** 2).sum())


def round_weights(kernel, bits):
    """Symmetric, a scale for each output."""
    scale = np.abs(kernel).max(axis=0) / (2 ** (bits - 1) - 1)
    return np.round(kernel / scale) * scale


def round_values(values, low, high):
    """256 steps from low to high, both moved so that 0 is one of them."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    zero = np.round(-low / scale)
    return (np.clip(np.round(values / scale) + zero, 0, 255) - zero) * scale


@pytest.fixture(scope="module")
def chain():
    """Three Dense layers, the class of each input, and units that are never active."""
    keras.utils.set_random_seed(0)
    x = keras.Input((12,), name="x")
    y = keras.layers.Dense(16, activation="relu", name="one")(x)
    y = keras.layers.Dense(16, activation="relu", name="two")(y)
    model = keras.Model(x, keras.layers.Dense(4, name="three")(y))
    for name in ("one", "two"):
        kernel, bias = model.get_layer(name).get_weights()
        kernel[:, 0] = 0.0
        model.get_layer(name).set_weights([kernel, bias])
    inputs = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    inputs[:, 0] = 0.0
    labels = np.asarray(model(inputs)).argmax(axis=1)
    return model, inputs, labels


def with_outlier(model, name, size=300.0):
    """Gives a layer one huge weight for each output, where its input is always 0."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    kernel, bias = copy.get_layer(name).get_weights()
    kernel[0, kernel.any(axis=0)] = size
    copy.get_layer(name).set_weights([kernel, bias])
    return copy


def test_ratios_are_those_of_the_formulas(chain):
    model, inputs, labels = chain
    result = analyze(model, (inputs, labels), bits=5)
    (k1, b1), (k2, b2), (k3, b3) = (
        [array.astype(np.float64) for array in model.get_layer(name).get_weights()]
        for name in ("one", "two", "three")
    )
    k2[:, 0] = 1e-9  # All zeros have no scale.

    def relu(values):
        return np.maximum(values, 0)

    first = relu(inputs @ k1 + b1)
    exact = relu(first @ k2 + b2)
    coarse = relu(first @ round_weights(k2, 5) + b2)
    top = exact.max()
    row = result["two"]
    assert row.weights_sqnr == pytest.approx(sqnr(exact, coarse), abs=0.01)
    activations = round_values(exact, 0.0, top)
    assert row.activations_sqnr == pytest.approx(sqnr(exact, activations), abs=0.05)
    both = round_values(coarse, 0.0, top)
    assert row.sqnr == pytest.approx(sqnr(exact, both), abs=0.01)
    outputs, rounded = exact @ k3 + b3, both @ k3 + b3
    assert row.output_sqnr == pytest.approx(sqnr(outputs, rounded), abs=0.01)
    quality = np.mean(rounded.argmax(axis=1) == labels)
    assert row.quality == pytest.approx(quality, abs=0.006)
    assert result.baseline == 1.0
    assert row.loss == pytest.approx(1.0 - row.quality)
    assert result["three"].sqnr == pytest.approx(result["three"].output_sqnr, abs=1e-3)


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_layer_with_an_outlier_comes_first(chain, name):
    model, inputs, labels = chain
    changed = with_outlier(model, name)
    np.testing.assert_allclose(changed(inputs), model(inputs), atol=1e-5)
    result = analyze(changed, (inputs, labels))
    assert result.rows[0].name == name
    assert result.rows[0].loss > 0.2
    assert all(row.loss < result.rows[0].loss / 2 for row in result.rows[1:])
    losses = [row.loss for row in result.rows]
    assert losses == sorted(losses, reverse=True)
    by_ratio = analyze(changed, inputs)
    assert (by_ratio.metric, by_ratio.baseline) == ("agreement", 1.0)
    assert by_ratio.rows[0].name == name
    assert by_ratio.rows[0].loss == pytest.approx(result.rows[0].loss)


def test_layer_whose_channels_differ_hurts_by_its_activations(chain):
    model, inputs, labels = chain
    changed = keras.models.clone_model(model)
    changed.set_weights(model.get_weights())
    kernel, bias = changed.get_layer("one").get_weights()
    after, after_bias = changed.get_layer("two").get_weights()
    kernel[:, 1], bias[1], after[1] = 2e4 * kernel[:, 1], 2e4 * bias[1], after[1] / 2e4
    changed.get_layer("one").set_weights([kernel, bias])
    changed.get_layer("two").set_weights([after, after_bias])
    result = analyze(changed, (inputs, labels))
    assert result.rows[0].name == "one"
    assert result["one"].loss > 0.2
    exact = analyze(changed, (inputs, labels), activation_bits=16)
    assert exact["one"].activations_sqnr > result["one"].activations_sqnr + 20


@tf_keras_is_slow
def test_either_keras_with_normalization_and_branches(trained, digits):
    before = [np.asarray(weight).copy() for weight in trained.weights]
    result = analyze(trained, digits[1], bits=4)
    assert {row.name for row in result.rows} == {"conv1", "conv2", "logits"}
    accuracy = tfc.measurement.evaluate(trained, digits[1]).accuracy
    assert result.baseline == pytest.approx(accuracy)
    finer = analyze(trained, digits[1], bits=8)
    for row in finer.rows:
        gained = row.weights_sqnr - result[row.name].weights_sqnr
        assert gained == pytest.approx(24, abs=6)  # Four bits, each of 6 dB.
        assert row.loss < 0.01
    for old, new in zip(before, trained.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def test_rounding_behind_normalization_and_relu_as_the_file_has_it(trained, digits):
    x = digits[1][0][:200]
    row = analyze(trained, x, samples=256)["conv1"]
    library = tfc.keras_compat.keras_of(trained)
    part = library.Model(trained.input, trained.get_layer("relu1").output)
    exact = np.asarray(part(x)).astype(np.float64)
    rounded = round_values(exact, 0.0, exact.max())
    assert row.activations_sqnr == pytest.approx(sqnr(exact, rounded), abs=0.05)


def test_nested_and_shared_layers_and_several_outputs():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, name="deep")])
    shared = keras.layers.Dense(6, activation="tanh", name="shared")
    x = keras.Input((6,))
    y = shared(shared(inner(x)))
    model = keras.Model(x, [keras.layers.Dense(3, name="a")(y), y])
    data = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    result = analyze(model, tf.data.Dataset.from_tensor_slices(data).batch(16))
    assert {row.name for row in result.rows} == {"deep", "shared", "a"}
    assert result.metric is None
    assert all(row.loss is None and row.sqnr > 20 for row in result.rows)
    worst = [row.output_sqnr for row in result.rows]
    assert worst == sorted(worst)
    assert "accuracy" not in str(result)


def test_labels_that_are_real_numbers(chain):
    model, inputs, _ = chain
    labels = np.asarray(model(inputs)) + 0.5
    assert analyze(model, (inputs, labels)).metric is None
    result = analyze(model, (inputs, labels), metric="mae")
    assert result.metric == "negative_mae"
    assert result.baseline == pytest.approx(-0.5, abs=1e-5)


def test_metric_of_your_own_sees_one_layer_rounded_at_a_time(chain):
    model, inputs, labels = chain
    seen = []

    def error(rounded, data):
        scores = rounded.predict_on_batch(data[0])
        seen.append(scores)
        return -float(np.abs(scores - np.asarray(model(data[0]))).max())

    result = analyze(model, (inputs, labels), bits=3, metric=error)
    assert result.metric.endswith("error")
    assert result.baseline == pytest.approx(0.0, abs=1e-5)
    assert len(seen) == 4
    assert all(row.loss > 0.01 for row in result.rows)


def test_result_shows_itself(chain, tmp_path):
    model, inputs, labels = chain
    result = analyze(model, (inputs, labels), bits=2)
    text = str(result)
    assert text.index(result.rows[0].name) < text.index(result.rows[1].name)
    assert f"{result.rows[0].quality:.4f}" in text
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(result)
    assert "2 bits" in console.export_text()
    lines = result.to_markdown().splitlines()
    assert lines[0].startswith("| layer | accuracy | change |")
    assert lines[2].startswith(f"| {result.rows[0].name} |")
    written = json.loads(result.to_json(tmp_path / "analysis.json"))
    assert written == json.loads((tmp_path / "analysis.json").read_text())
    assert [row["name"] for row in written["rows"]] == [r.name for r in result.rows]
    for name in ("a.png", "a.svg", "a.pdf"):
        result.plot(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(ArgumentError, match=r"\.png"):
        result.plot(tmp_path / "a.gif")
    with pytest.raises(OutputError):
        result.plot(tmp_path / "none" / "a.png")
    with pytest.raises(ArgumentError, match="'four'"):
        result["four"]


def test_ratios_that_are_infinite_are_none_in_json():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="d")])
    model.layers[0].set_weights([np.eye(2), np.zeros(2)])
    result = analyze(model, np.array([[0.0, 1.0], [1.0, 0.0]], np.float32))
    assert result["d"].weights_sqnr == np.inf
    assert result.to_dict()["rows"][0]["weights_sqnr"] is None
    json.loads(result.to_json(), parse_constant=pytest.fail)


@pytest.mark.parametrize("bits", [1, 9, 4.0, True, "8"])
def test_bits_outside_the_list(chain, bits):
    model, inputs, _ = chain
    with pytest.raises(ArgumentError, match="Received"):
        analyze(model, inputs, bits=bits)


def test_bad_input(chain, digits):
    model, inputs, labels = chain
    with pytest.raises(ArgumentError, match="activation_bits"):
        analyze(model, inputs, activation_bits=4)
    with pytest.raises(ArgumentError, match="metric"):
        analyze(model, inputs, metric="speed")
    with pytest.raises(ArgumentError, match="method"):
        analyze(model, inputs, method="median")
    with pytest.raises(ArgumentError, match="samples"):
        analyze(model, inputs, samples=0)
    with pytest.raises(DataError, match="Labels are needed"):
        analyze(model, inputs, metric="accuracy")
    with pytest.raises(DataError, match="empty|one sample"):
        analyze(model, inputs[:0])
    with pytest.raises(DataError, match="shapes"):
        analyze(model, digits[1][0])
    with pytest.raises(DataError, match="finite"):
        analyze(model, np.full_like(inputs, np.nan))
    with pytest.raises(DataError, match="classes"):
        analyze(model, (inputs, labels + 10))
    wrapped = tfc.quantization.QuantizationAwareTraining().apply(model)
    with pytest.raises(ModelError, match="already"):
        analyze(wrapped, inputs)
    plain = keras.Sequential([keras.Input((12,)), keras.layers.ReLU()])
    with pytest.raises(ModelError, match="kernel"):
        analyze(plain, inputs)


@pytest.mark.slow
def test_attention_separable_and_recurrent_layers():
    x = keras.Input((8, 8, 3))
    y = keras.layers.SeparableConv2D(8, 3, name="separable")(x)
    y = keras.layers.Reshape((36, 8))(y)
    y = keras.layers.MultiHeadAttention(2, 4, name="attention")(y, y)
    y = keras.layers.LSTM(6, name="lstm")(y)
    model = keras.Model(x, keras.layers.Dense(3, name="scores")(y))
    data = np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype(np.float32)
    result = analyze(model, data)
    starts = {row.name.split("_")[0] for row in result.rows}
    assert starts == {"separable", "attention", "lstm", "scores"}
    assert all(row.sqnr > 15 for row in result.rows)


def test_classifier_that_is_not_trained_shows_in_order(digits):
    model = build_classifier(keras)
    result = analyze(model, digits[1][0][:64], samples=32)
    keys = [(-row.loss, row.output_sqnr) for row in result.rows]
    assert keys == sorted(keys)
