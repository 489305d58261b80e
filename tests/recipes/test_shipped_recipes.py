"""Each shipped recipe, as it stands, on handwritten digits.

Images for the convolutional network, rows from top to bottom as a sequence for the
recurrent one and the Transformer.
"""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.models import build_classifier
from tfcompress import recipes
from tfcompress.errors import TFCompressError
from tfcompress.pipeline import Pipeline

TRAINED_ON = 1200
TESTED_ON = 300


def build_transformer(width=64, heads=4):
    layers = keras.layers
    inputs = keras.Input((8, 8), name="rows")
    x = layers.Dense(width)(inputs)
    for _ in range(2):
        y = layers.MultiHeadAttention(heads, width // heads)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, y]))
        y = layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10)(x), name="transformer")


def build_recurrent():
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.Bidirectional(keras.layers.LSTM(32)),
            keras.layers.Dense(10),
        ],
        name="recurrent",
    )


@pytest.fixture(scope="module")
def digits():
    """The whole set, in an order that mixes its writers."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return (images[order].reshape(-1, 8, 8) / 16).astype(np.float32), labels[order]


def parts(images, labels):
    last = TRAINED_ON + TESTED_ON
    return (
        (images[:TRAINED_ON], labels[:TRAINED_ON]),
        (images[TRAINED_ON:last], labels[TRAINED_ON:last]),
        (images[last:], labels[last:]),
    )


def train(model, data, epochs=20):
    steps = epochs * TRAINED_ON // 32
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(*data, epochs=epochs, verbose=0)


@pytest.fixture(scope="module")
def tasks(digits):
    """A trained model and its data by kind."""
    images, labels = digits
    found = {}
    for kind, build, data in (
        ("images", lambda: build_classifier(keras, width=32), images[..., None]),
        ("attention", build_transformer, images),
        ("recurrent", build_recurrent, images),
    ):
        keras.utils.set_random_seed(0)
        split = parts(data, labels)
        model = build()
        train(model, split[0])
        found[kind] = model, split
    return found


# The share of the bytes of the float file that may be left, and of the accuracy of the
# original that may be lost.
EXPECTED = {
    "balanced": ("images", 0.30, 0.03),
    "fastest_cpu": ("images", 0.25, 0.05),
    "gpu": ("images", 0.40, 0.03),
    "microcontroller": ("images", 0.25, 0.05),
    "no_training": ("images", 0.45, 0.01),
    "recurrent": ("recurrent", 0.50, 0.03),
    "smallest": ("images", 0.20, 0.05),
    "transformer": ("attention", 0.25, 0.05),
}


def test_all_are_run():
    assert set(EXPECTED) == set(recipes.names())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_recipe_keeps_what_the_model_knows(name, tasks, tmp_path):
    kind, share, lost = EXPECTED[name]
    model, (training, validation, test) = tasks[kind]
    pipeline = Pipeline.from_recipe(name)
    result = pipeline.run(
        model, training, validation, test=test, directory=tmp_path / "run", verbose=0
    )
    original, shipped = result.comparison.rows[0], result.comparison.rows[-1]
    assert original.quality["accuracy"] > 0.88
    assert shipped.quality["accuracy"] >= original.quality["accuracy"] - lost
    assert shipped.bytes <= share * original.bytes
    assert shipped.bytes == result.artifact.path.stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recurrent", "transformer"])
def test_recipe_for_another_kind_of_model_is_refused(name, tasks, tmp_path):
    model, (training, validation, _) = tasks["images"]
    with pytest.raises(TFCompressError, match=name):
        Pipeline.from_recipe(name).run(
            model, training, validation, directory=tmp_path / "run", verbose=0
        )
    assert not (tmp_path / "run").exists()
