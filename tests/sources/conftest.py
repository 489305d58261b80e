"""Models that data is read for, and a folder to read it from."""

import pytest


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def models(either_keras):
    """Models that differ in what they take and give."""
    k, layers = either_keras, either_keras.layers
    words = k.Input((6,), dtype="int32", name="words")
    open_words = k.Input((None,), name="words")
    a, b = k.Input((1,), name="age"), k.Input((1,), name="size")

    def image(*shape, classes=2):
        taken = k.Input(shape, name="image")
        return k.Model(taken, layers.Dense(classes)(layers.Flatten()(taken)))

    def of_words(taken):
        x = layers.GlobalAveragePooling1D()(layers.Embedding(8, 2)(taken))
        return k.Model(taken, layers.Dense(2)(x))

    return {
        "row": k.Sequential([k.Input((4,), name="row"), layers.Dense(3)]),
        "number": k.Sequential([k.Input((2,)), layers.Dense(1)]),
        "grey": image(6, 6, 1),
        "flat": image(6, 6),
        "colour": image(4, 5, 3),
        "four": image(6, 6, 4),
        "words": of_words(words),
        "open": of_words(open_words),
        "two": k.Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b]))),
    }
