import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import DataError
from tfcompress.export.conversion.representative import as_generator, read_samples
from tfcompress.export.conversion.signature import Signature, read_signature


def describe(**inputs):
    specs = {
        name: tf.TensorSpec((1, *shape), dtype, name=name)
        for name, (shape, dtype) in inputs.items()
    }
    return Signature(inputs=specs, outputs=("y",), keys=(), structure=list(specs))


IMAGE = describe(image=((2, 2, 1), tf.float32))
TOKENS = describe(tokens=((3,), tf.int32))
TWO = describe(b=((2,), tf.float32), a=((2,), tf.float32))


def test_numbers_are_cast_to_the_type_of_the_input():
    read = read_samples(np.ones((4, 2, 2, 1)), IMAGE, samples=3)
    assert read["image"].dtype == np.float32
    assert read["image"].shape == (3, 2, 2, 1)
    read = read_samples(np.array([[1.0, 2.0, 3.0]]), TOKENS, samples=3)
    assert read["tokens"].dtype == np.int32
    assert read["tokens"].tolist() == [[1, 2, 3]]


def test_the_last_axis_of_one_may_be_left_out():
    read = read_samples(np.ones((4, 2, 2)), IMAGE, samples=4)
    assert read["image"].shape == (4, 2, 2, 1)


@pytest.mark.parametrize("form", ["dict", "dataset", "generator", "tuple"])
def test_forms_of_data(form):
    a, b = np.zeros((6, 2), np.float32), np.ones((6, 2), np.float32)
    by_name = {"a": a, "b": b}  # not in the model's order
    data = {
        "dict": by_name,
        "dataset": tf.data.Dataset.from_tensor_slices((by_name, a[:, 0])).batch(2),
        "generator": lambda: iter([({"a": a, "b": b}, a[:, 0])]),
        "tuple": ([b, a], a[:, 0]),
    }[form]
    read = read_samples(data, TWO, samples=5)
    np.testing.assert_array_equal(read["a"], a[:5])
    np.testing.assert_array_equal(read["b"], b[:5])


def test_sizes_of_an_open_input_are_those_of_the_data():
    inputs = keras.Input((None, None, 3), name="image")
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    signature = read_signature(model, 1)
    read = read_samples(np.ones((4, 5, 7, 3)), signature, samples=4)
    assert read["image"].shape == (4, 5, 7, 3)
    with pytest.raises(DataError, match=r"shape \(samples, None, None, 3\)"):
        read_samples(np.ones((4, 5, 7, 2)), signature, samples=4)


@pytest.mark.parametrize(
    ("signature", "data", "message"),
    [
        (IMAGE, np.ones((0, 2, 2, 1)), "empty"),
        (IMAGE, lambda: iter([]), "empty"),
        (IMAGE, np.full((3, 2, 2, 1), np.inf), "finite.*in sample 0"),
        (IMAGE, np.full((3, 2, 2, 1), 1e300), "finite"),
        (IMAGE, np.full((3, 2, 2, 1), "a"), "array of numbers.*dtype <U1"),
        (IMAGE, np.ones((3, 2, 2, 1), complex), "array of numbers.*complex"),
        (IMAGE, [np.ones((3, 2, 2, 1))] * 2, "Received: 2 arrays"),
        (IMAGE, {"picture": np.ones((3, 2, 2, 1))}, r"'image'.*\['picture'\]"),
        (IMAGE, np.ones((3, 2, 3, 1)), r"shape \(samples, 2, 2, 1\)"),
        (TOKENS, np.full((2, 3), 0.5), "whole numbers that int32 can hold.*0.5"),
        (TOKENS, np.full((2, 3), 2**40), "whole numbers that int32 can hold"),
        (TOKENS, np.full((2, 3), np.nan), "finite"),
        (TWO, np.ones((3, 2)), "Received: 1 arrays"),
        (TWO, {"a": np.ones((3, 2))}, r"\['b', 'a'\].*\['a'\]"),
        (TWO, [np.ones((3, 2)), np.ones((4, 2))], "same number of samples"),
        (describe(text=((1,), tf.string)), np.array([["a"]]), "text.*'text'"),
    ],
)
def test_data_that_does_not_fit(signature, data, message):
    with pytest.raises(DataError, match=message):
        read_samples(data, signature, samples=10)


def test_an_iterator_is_refused():
    with pytest.raises(DataError, match="only once"):
        read_samples(iter([np.ones((3, 2, 2, 1))]), IMAGE, samples=10)


def test_batches_for_the_converter_are_whole():
    samples = {"x": np.arange(5.0), "y": np.arange(10.0).reshape(5, 2)}
    batches = list(as_generator(samples, 2)())
    assert [batch["x"].tolist() for batch in batches] == [[0, 1], [2, 3], [4, 4]]
    assert batches[2]["y"].tolist() == [[8, 9], [8, 9]]
    (batch,) = as_generator(samples, 8)()
    assert batch["x"].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
