import numpy as np
import pytest

from tfcompress.pipeline.data_checks import check_data
from tfcompress.sources.embeddings import words_known, words_of_inputs
from tfcompress.sources.model_inputs import ModelInput, fit_inputs, inputs_of


@pytest.fixture(scope="module")
def nested(either_keras):
    """A model of a dict of inputs, one of which is words, embedded further inside."""
    k, layers = either_keras, either_keras.layers
    taken = k.Input((5,), dtype="int32")
    inner = k.Model(taken, layers.Flatten()(layers.Embedding(7, 2)(taken)))
    words = k.Input((5,), dtype="int32", name="words")
    age = k.Input((1,), name="age")
    joined = layers.Concatenate()([inner(words), age])
    return k.Model({"words": words, "age": age}, layers.Dense(2)(joined))


def test_inputs_have_the_names_of_a_dict(nested):
    found = {each.name: (each.shape, each.dtype) for each in inputs_of(nested)}
    assert found == {
        "words": ((None, 5), np.dtype("int32")),
        "age": ((None, 1), np.dtype("float32")),
    }


def test_words_are_found_in_a_model_inside(nested):
    assert words_of_inputs(nested) == {"words": 7}
    assert words_known(nested) == 7
    x = {"words": np.full((8, 5), 6), "age": np.zeros((8, 1))}
    data = x, np.arange(8) % 2
    check_data(nested, data, data, data, batch_size=8)


def test_words_are_found_inside_a_layer(either_keras):
    layers = either_keras.layers

    class Placed(layers.Layer):
        def __init__(self):
            super().__init__()
            self.words = layers.Embedding(9, 2)
            self.places = layers.Embedding(4, 2)

        def call(self, words):
            return self.words(words)

    model = either_keras.Sequential([either_keras.Input((4,)), Placed()])
    model(np.zeros((1, 4)))
    assert words_known(model) == 9
    plain = either_keras.Sequential([either_keras.Input((4,)), layers.Dense(2)])
    assert words_known(plain) is None


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        (np.array([1.5, 2]), "float32", "float32"),
        (np.array([1.0, 2]), "int32", "int32"),
        (np.array([1.5, 2]), "int32", "float64"),
        (np.array([1, 300]), "uint8", "int64"),
        (np.array([1, np.nan]), "int32", "float64"),
        (np.array([True]), "float16", "float16"),
        (np.array([2**40]), "int32", "int64"),
        (np.array(["a"]), "float32", "<U1"),
        (np.array([], np.float64), "int32", "float64"),
    ],
)
def test_dtypes_change_where_nothing_is_lost(given, dtype, expected):
    taken = ModelInput("x", (None,), np.dtype(dtype))
    fitted = fit_inputs(given, [taken])
    assert fitted.dtype == expected
    np.testing.assert_array_equal(fitted, given.astype(expected))
