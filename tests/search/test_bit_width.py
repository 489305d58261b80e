import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

import tfcompress as tfc
from tests.models import build_classifier
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError
from tfcompress.export.layer_operations import list_layer_operations

bit_width = tfc.search.bit_width

INT8, PER_TENSOR = tfc.search.BitChoice("int8"), tfc.search.BitChoice("int8", False)
TRAINED = "trained with rounding, taught by the float model"


def weights_of(artifact):
    operations = list_layer_operations(artifact.path.read_bytes())
    return {op.layers[0]: op.weights for op in operations if op.weights}


@pytest.fixture(scope="module")
def chain():
    """Dense layers of unlike size, and the classes that they give."""
    keras.utils.set_random_seed(0)
    x = keras.Input((24,), name="x")
    y = keras.layers.Dense(64, activation="relu", name="one")(x)
    y = keras.layers.Dense(64, activation="relu", name="two")(y)
    y = keras.layers.Dense(32, activation="relu", name="three")(y)
    model = keras.Model(x, keras.layers.Dense(5, name="scores")(y))
    inputs = np.random.default_rng(0).normal(size=(256, 24)).astype(np.float32)
    return model, (inputs, np.asarray(model(inputs)).argmax(axis=1))


@pytest.fixture(scope="module")
def unlike(chain):
    """The same function, with one unit that is huge until the next layer."""
    model, data = chain
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    kernel, bias = copy.get_layer("one").get_weights()
    after, after_bias = copy.get_layer("two").get_weights()
    kernel[:, 3], bias[3], after[3] = 3e3 * kernel[:, 3], 3e3 * bias[3], after[3] / 3e3
    copy.get_layer("one").set_weights([kernel, bias])
    copy.get_layer("two").set_weights([after, after_bias])
    return copy, data


@pytest.mark.parametrize("share", [pytest.param(0.29, marks=pytest.mark.slow), 0.25])
def test_budget_is_met_by_the_file(chain, share, tmp_path):
    model, data = chain
    path = tmp_path / "small.tflite"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = bit_width(model, data, path, budget=share)
    assert result.met
    assert result.artifact.bytes > 0.85 * share * result.float_bytes
    assert result.artifact.path == path
    assert path.stat().st_size == result.artifact.bytes == result.chosen.bytes
    assert path.stat().st_size <= share * result.float_bytes
    quality = tfc.measurement.evaluate(path, data).accuracy
    assert result.chosen.quality == pytest.approx(quality)
    assert result.chosen.drop == pytest.approx(result.baseline - quality)
    formats = {name: choice.format for name, choice in result.choices.items()}
    assert weights_of(result.artifact) == formats
    assert set(formats) == {"one", "two", "three", "scores"}


@pytest.mark.slow
def test_smaller_budgets_lose_more_bits_and_bytes(chain):
    model, data = chain
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wide = bit_width(model, data, budget=0.6)
        narrow = bit_width(model, data, budget=int(wide.float_bytes * 0.27))
    assert wide.artifact.bytes > narrow.artifact.bytes
    assert all(choice.format == "int8" for choice in wide.choices.values())
    assert "int4" in {choice.format for choice in narrow.choices.values()}
    assert narrow.budget == int(wide.float_bytes * 0.27)


@pytest.mark.slow
def test_layer_that_suffers_most_keeps_its_bits(chain):
    """Int4 ruins a layer with outliers where its input is always zero."""
    model, (inputs, labels) = chain
    inputs = inputs.copy()
    inputs[:, 0] = 0.0
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    kernel, bias = copy.get_layer("one").get_weights()
    kernel[0] = 4.0
    copy.get_layer("one").set_weights([kernel, bias])
    result = bit_width(copy, (inputs, labels), budget=0.26)
    formats = {name: choice.format for name, choice in result.choices.items()}
    assert formats["one"] == "int8"
    assert formats["two"] == "int4"


@pytest.mark.slow
def test_measurements_are_kept_and_used_again(chain, tmp_path, monkeypatch):
    model, data = chain
    cache = tmp_path / "noise.jsonl"
    first = bit_width(model, data, budget=0.4, cache=cache)
    lines = cache.read_text().splitlines()
    assert len(lines) == len({json.loads(line)["name"] for line in lines}) >= 16
    noise = {json.loads(line)["name"]: json.loads(line)["quality"] for line in lines}
    kernel, bias = model.get_layer("scores").get_weights()
    part = keras.Model(model.input, model.get_layer("three").output)
    before = np.asarray(part(data[0])).astype(np.float64)
    scale = np.abs(kernel).max(axis=0) / 7
    rounded = np.round(kernel / scale) * scale
    exact, coarse = before @ kernel + bias, before @ rounded + bias
    expected = ((exact - coarse) ** 2).sum() / (exact**2).sum()
    key = "scores: int4 per channel, min_max"
    assert noise[key] == pytest.approx(expected, rel=1e-3)
    cache.write_text("\n".join(lines[:7]) + "\n")
    again = bit_width(model, data, budget=0.4, cache=cache)
    assert again.choices == first.choices
    assert sorted(cache.read_text().splitlines()) == sorted(lines)
    other = (data[0] + 1, data[1])
    bit_width(model, other, budget=0.4, cache=cache)
    assert len(cache.read_text().splitlines()) == 2 * len(lines)


def test_ladder_stops_at_the_first_rung_that_is_good_enough(chain, unlike):
    result = bit_width(*chain, max_drop=0.05)
    assert [rung.name for rung in result.rungs] == ["post-training int8"]
    assert result.met
    assert result.chosen is result.rungs[0]

    result = bit_width(*unlike, max_drop=0.05)
    assert [rung.met for rung in result.rungs] == [False, True]
    assert result.rungs[0].drop > 0.2
    assert result.chosen.name == "equalized, biases corrected"
    for rung in result.rungs:
        found = tfc.measurement.evaluate(rung.artifact, unlike[1]).accuracy
        assert rung.quality == pytest.approx(found)


@pytest.mark.slow
def test_layers_that_hurt_are_left_in_float16(unlike):
    """Two layers take what the huge unit gives: nothing can be equalized."""
    model, (inputs, labels) = unlike
    one = model.get_layer("one").output
    two = model.get_layer("two")
    twin = keras.layers.Dense(64, activation="relu", name="twin")
    y = keras.layers.Add()([two(one), twin(one)])
    y = keras.layers.Dense(32, activation="relu", name="last")(y)
    copy = keras.Model(model.input, keras.layers.Dense(5, name="ends")(y))
    twin.set_weights(two.get_weights())
    labels = np.asarray(copy(inputs)).argmax(axis=1)
    result = bit_width(copy, (inputs, labels), max_drop=0.05)
    assert result.met
    assert "float16" in result.chosen.name
    kept = {n for n, c in result.choices.items() if c.format == "float16"}
    assert "one" in kept
    assert kept & {"two", "twin"}
    assert "last" not in kept
    stored = weights_of(result.artifact)
    assert {name for name, kind in stored.items() if kind == "float16"} == kept
    assert tfc.measurement.evaluate(result.artifact, (inputs, labels)).accuracy >= 0.95


def worth(*values):
    """A metric with made-up values for the float file and those after it."""
    left = list(values)

    def made_up(file, data):
        assert str(file).endswith(".tflite") or hasattr(file, "bytes")
        return left.pop(0) if left else values[-1]

    return made_up


@pytest.mark.slow
def test_no_rung_is_good_enough(chain):
    model, data = chain
    metric = worth(1.0, 0.5, 0.6, 0.7, 0.55)
    with pytest.warns(UserWarning, match="No file meets"):
        result = bit_width(model, data, max_drop=0.1, metric=metric)
    assert not result.met
    names = [rung.name for rung in result.rungs]
    assert names == [
        "post-training int8",
        "equalized, biases corrected",
        "1 layer in float16",
        "2 layers in float16",
        TRAINED,
    ]
    assert result.chosen.name == "1 layer in float16"
    assert result.artifact.path.is_file()
    assert result.rungs[-1].artifact is None
    assert "no train data" in result.rungs[-1].reason
    assert "no train data" in str(result)


@pytest.mark.slow
def test_last_rung_is_trained(either_keras, digits):
    either_keras.utils.set_random_seed(0)
    activation = "softmax" if either_keras is keras else None
    model = build_classifier(either_keras, width=4, activation=activation)
    before = [np.asarray(weight).copy() for weight in model.weights]
    metric = worth(*[1.0, *[0.5] * 4, 1.0])
    result = bit_width(
        model,
        digits[1],
        max_drop=0.0,
        metric=metric,
        train=digits[0],
        fine_tune={"epochs": 1, "batch_size": 100},
    )
    assert result.met
    assert result.chosen.name == TRAINED
    assert not result.artifact.float_operations
    assert set(weights_of(result.artifact).values()) == {"int8"}
    share = tfc.measurement.agreement(model, result.artifact, digits[1][0]).share
    assert share > 0.9
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


@pytest.mark.slow
def test_training_keeps_the_bits_of_a_budget(chain):
    model, data = chain
    with pytest.warns(UserWarning, match="No file meets"):
        result = bit_width(
            model,
            data,
            budget=0.32,
            max_drop=0.0,
            metric=worth(1.0, 0.5),
            train=tf.data.Dataset.from_tensor_slices(data).batch(64),
            fine_tune={"epochs": 1, "optimizer": keras.optimizers.Adam(1e-3)},
        )
    first, second, *_, last = result.rungs
    assert first.name == "post-training, bits chosen"
    assert second.name == "equalized, biases corrected"
    assert last.name == TRAINED
    assert not any(rung.reason for rung in result.rungs)
    assert all(rung.bytes <= 0.32 * result.float_bytes for rung in result.rungs)
    formats = {name: choice.format for name, choice in last.choices.items()}
    assert "int4" in formats.values()
    assert weights_of(last.artifact) == formats


@pytest.mark.slow
def test_without_labels(chain):
    model, (inputs, _) = chain
    result = bit_width(model, inputs, max_drop=0.1, metric="agreement")
    assert result.baseline == 1.0
    assert result.chosen.quality == result.chosen.agreement
    exact = tfc.quantization.post_training(model, scheme="float32")
    share = tfc.measurement.agreement(exact, result.artifact, inputs).share
    assert result.chosen.agreement == pytest.approx(share)


def test_result_shows_itself(chain):
    result = bit_width(*chain, max_drop=0.1, scheme="int8_float_io")
    text = str(result)
    assert f"{result.artifact.bytes:,}" in text
    assert "post-training int8" in text
    console = Console(width=200, record=True, file=None, quiet=True)
    console.print(result)
    lines = result.to_markdown().splitlines()
    assert lines[0].startswith("| rung | accuracy | change | agreement | bytes |")
    assert lines[2].startswith("| post-training int8 | ")
    assert lines[2].endswith("| yes |")
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["rungs"][0]["bytes"] == result.artifact.bytes
    assert plain["chosen"] == "post-training int8"
    assert result.artifact.target.inputs_and_outputs == "float32"


def test_bytes_of_a_choice():
    kernel = np.zeros((3, 3, 4, 8), np.float32)
    assert INT8.bytes(kernel, (3,)) == 288 + 8 * 24
    assert INT8.bytes(kernel, (3,), biased=False) == 288 + 8 * 12
    assert PER_TENSOR.bytes(kernel, (3,)) == 288 + 24
    assert tfc.search.BitChoice("int4").bytes(kernel, (3,)) == 144 + 8 * 24
    assert tfc.search.BitChoice("float16").bytes(kernel, (3,)) == 576


def test_choices_round_as_files_do():
    kernel = np.array([[1.0, 0.1], [-0.26, 0.04]], np.float32)
    rounded = INT8.rounded(kernel, (1,))
    np.testing.assert_allclose(rounded[:, 1], [0.1, np.round(0.4 * 127) * 0.1 / 127])
    coarse = PER_TENSOR.rounded(kernel, (1,))
    np.testing.assert_allclose(coarse * 127, [[127, 13], [-33, 5]], rtol=1e-5)
    half = tfc.search.BitChoice("float16").rounded(kernel, (1,))
    np.testing.assert_array_equal(half, kernel.astype(np.float16))
    wide = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    wide[0] = 9.0
    errors = {
        method: np.mean(
            (tfc.search.BitChoice("int4", True, method).rounded(wide, (1,)) - wide)[1:]
            ** 2
        )
        for method in ("min_max", "mse")
    }
    assert errors["mse"] < errors["min_max"] / 2


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"budget": 0},
        {"budget": -0.5},
        {"budget": 1000.5},
        {"budget": True},
        {"budget": "1 MB"},
        {"max_drop": -0.1},
        {"max_drop": 1.0},
        {"max_drop": "little"},
        {"max_drop": 0.1, "metric": "speed"},
        {"max_drop": 0.1, "scheme": "float16"},
        {"max_drop": 0.1, "fine_tune": {"rate": 1}},
        {"max_drop": 0.1, "fine_tune": {"epochs": 0}},
        {"max_drop": 0.1, "fine_tune": 3},
        {"max_drop": 0.1, "path": "model.onnx"},
    ],
)
def test_bad_arguments(chain, arguments):
    with pytest.raises(ArgumentError, match="Received"):
        bit_width(*chain, **arguments)


@pytest.mark.slow
def test_bad_input(chain, tmp_path, digits):
    model, (inputs, labels) = chain
    with pytest.raises(ArgumentError, match=r"within the budget.*smallest file"):
        bit_width(model, (inputs, labels), budget=500)
    with pytest.raises(DataError, match="Labels are needed"):
        bit_width(model, inputs, max_drop=0.1)
    with pytest.raises(DataError, match="empty|one sample"):
        bit_width(model, (inputs[:0], labels[:0]), max_drop=0.1)
    with pytest.raises(DataError, match="shapes"):
        bit_width(model, digits[1], max_drop=0.1)
    with pytest.raises(OutputError, match="folder"):
        bit_width(model, (inputs, labels), tmp_path / "no" / "m.tflite", max_drop=0.1)
    plain = keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])
    with pytest.raises(ModelError, match="Received"):
        bit_width(plain, inputs[:, :4], max_drop=0.1, metric="agreement")


@pytest.mark.slow
def test_depthwise_and_nested_layers_within_a_budget(digits):
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 8)),
            keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(6.0),
            keras.layers.Conv2D(16, 1, name="pointwise"),
        ],
        name="inner",
    )
    x = keras.Input((8, 8, 1))
    y = inner(keras.layers.Conv2D(8, 3, padding="same", name="first")(x))
    y = keras.layers.Flatten()(y)
    model = keras.Model(x, keras.layers.Dense(10, name="scores")(y))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*digits[0], epochs=10, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = bit_width(model, digits[1], budget=0.22, max_drop=0.03)
    assert result.artifact.bytes <= 0.22 * result.float_bytes
    assert set(result.choices) == {"first", "depthwise", "pointwise", "scores"}
    assert result.choices["depthwise"].format == "int8"
    assert result.choices["scores"].format == "int4"
    assert result.met
