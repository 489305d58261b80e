"""Models and data of many kinds go through the command unchanged."""

import json

import keras
import numpy as np
import pytest

from tests.cli.tiny import call
from tfcompress.keras_compat import tf_keras
from tfcompress.measurement import LiteRTModel

pytestmark = pytest.mark.slow
SAMPLES = 240


def convolutional(module, shape, outputs, activation):
    layers = module.layers
    inputs = layers.Input(shape)
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    return module.Model(inputs, layers.Dense(outputs, activation=activation)(x))


def dense(module, shape, outputs, activation):
    return module.Sequential(
        [
            module.layers.Input(shape),
            module.layers.Dense(32, activation="relu"),
            module.layers.Dense(24, activation="relu"),
            module.layers.Dense(outputs, activation=activation),
        ]
    )


def words(module, shape, outputs, activation):
    layers = module.layers
    inputs = layers.Input(shape, dtype="int32")
    x = layers.Embedding(50, 16)(inputs)
    x = layers.Conv1D(16, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return module.Model(inputs, layers.Dense(outputs, activation=activation)(x))


def recurrent(module, shape, outputs, activation):
    return module.Sequential(
        [
            module.layers.Input(shape),
            module.layers.LSTM(8),
            module.layers.Dense(outputs, activation=activation),
        ]
    )


def two_inputs(module, shape, outputs, activation):
    layers = module.layers
    image = layers.Input((8, 8, 1), name="image")
    age = layers.Input((3,), name="age")
    x = layers.Conv2D(16, 3, activation="relu")(image)
    x = layers.Concatenate()([layers.Flatten()(x), layers.Dense(8)(age)])
    outputs = layers.Dense(outputs, activation=activation)(x)
    return module.Model([image, age], outputs)


def classes(number, samples=SAMPLES):
    return np.arange(samples) % number


def images(shape, number, dtype=np.float32, samples=SAMPLES):
    """Images whose class shows in their brightness and colours."""
    rng = np.random.default_rng(0)
    marks = rng.random((number, *shape))
    noise = rng.random((samples, *shape))
    pixels = 0.8 * marks[classes(number, samples)] + 0.2 * noise
    return (255 * pixels).astype(dtype) if dtype == np.uint8 else pixels.astype(dtype)


def rows(width, number=None, samples=SAMPLES):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, width)).astype(np.float32)
    return x if number is None else x + 2 * np.eye(number, width)[classes(number)]


def one_hot(number):
    return np.eye(number, dtype=np.float32)[classes(number)]


TOKENS = np.random.default_rng(0).integers(1, 50, (SAMPLES, 12))
STEPS = np.random.default_rng(0).normal(size=(SAMPLES, 10, 3)).astype(np.float32)
LINE = rows(6) @ np.arange(6, dtype=np.float32)[:, None]

KINDS = {
    "two classes, one output": (
        *(dense, (6,), 1, "sigmoid"),
        {"x": rows(6), "y": (LINE[:, 0] > 0).astype(int)},
    ),
    "two classes, softmax": (
        *(dense, (6,), 2, "softmax"),
        {"x": rows(6), "y": (LINE[:, 0] > 0)},
    ),
    "two classes by name": (
        *(dense, (6,), 2, "softmax"),
        {"x": rows(6), "y": np.where(LINE[:, 0] > 0, "yes", "no")},
    ),
    "a hundred classes": (
        *(convolutional, (10, 10, 3), 100, None),
        {"x": images((10, 10, 3), 100, samples=600), "y": classes(100, 600)},
    ),
    "four channels": (
        *(convolutional, (12, 8, 4), 5, "softmax"),
        {"x": images((12, 8, 4), 5), "y": classes(5)},
    ),
    "two channels in bytes": (
        *(convolutional, (9, 9, 2), 3, None),
        {"x": images((9, 9, 2), 3, np.uint8), "y": one_hot(3)},
    ),
    "one channel without an axis": (
        *(convolutional, (8, 8, 1), 4, "softmax"),
        {"x": images((8, 8), 4), "y": classes(4)[:, None]},
    ),
    "words": (words, (12,), 3, "softmax", {"x": TOKENS, "y": TOKENS[:, 0] % 3}),
    "steps": (
        *(recurrent, (10, 3), 2, "softmax"),
        {"x": STEPS, "y": (STEPS[:, -1, 0] > 0).astype(int)},
    ),
    "seven classes in a table": (
        *(dense, (9,), 7, "softmax"),
        {"x": rows(9, 7), "y": classes(7)},
    ),
    "one number": (dense, (6,), 1, None, {"x": rows(6), "y": LINE[:, 0]}),
    "three numbers": (
        *(dense, (6,), 3, None),
        {"x": rows(6), "y": LINE * np.array([1, -1, 0.1], np.float32)},
    ),
    "several labels at once": (
        *(dense, (6,), 4, "sigmoid"),
        {"x": rows(6), "y": (rows(6)[:, :4] > 0).astype(np.float32)},
    ),
    "two inputs": (
        *(two_inputs, None, 3, "softmax"),
        {
            "x_train_image": images((8, 8, 1), 3),
            "x_train_age": rows(3),
            "y_train": classes(3),
        },
    ),
}


def write(folder, module, kind):
    build, shape, outputs, activation, arrays = KINDS[kind]
    module.utils.set_random_seed(0)
    model = build(module, shape, outputs, activation)
    model.save(folder / "model.keras")
    np.savez(folder / "data.npz", **arrays)
    return ["compress", folder / "model.keras", "--data", folder / "data.npz"]


def check(output, capsys):
    values = json.loads(capsys.readouterr().out)
    assert values["comparison"]["rows"][0]["name"] == "original"
    assert len(values["comparison"]["rows"]) == 2
    for file in output.rglob("*.tflite"):
        LiteRTModel(file)
    return values


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe(kind, tmp_path, capsys):
    recipe = "recurrent" if kind == "steps" else "balanced"
    output = tmp_path / "run"
    flags = ["--recipe", recipe, "--epochs", 1, "--output", output, "--json"]
    assert call(*write(tmp_path, keras, kind), *flags) == 0
    check(output, capsys)


@pytest.mark.parametrize(
    "kind", ["two classes, one output", "four channels", "words", "one number"]
)
def test_a_recipe_for_tf_keras(kind, tmp_path, capsys):
    output = tmp_path / "run"
    flags = ["--recipe", "balanced", "--epochs", 1, "--output", output, "--json"]
    assert call(*write(tmp_path, tf_keras(), kind), *flags) == 0
    check(output, capsys)


@pytest.mark.parametrize(
    "kind", ["two classes, one output", "a hundred classes", "steps", "one number"]
)
def test_no_choice_at_all(kind, tmp_path, capsys):
    output = tmp_path / "run"
    flags = ["--epochs", 1, "--output", output, "--json"]
    assert call(*write(tmp_path, keras, kind), *flags) == 0
    assert check(output, capsys)["met"] is True
