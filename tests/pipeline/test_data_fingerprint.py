"""Data is told from other data by its content, in whatever form it comes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import DataError
from tfcompress.pipeline.data_fingerprint import fingerprint_data

X = np.arange(24, dtype="float32").reshape(8, 3)
Y = np.arange(8) % 3
OTHER = X.copy()
OTHER[7, 2] += 1


def _code(data):
    fingerprint = fingerprint_data(data)
    assert fingerprint.of == "content"
    return fingerprint.code


@pytest.mark.parametrize(
    "other",
    [
        (OTHER, Y),
        (X, Y[::-1].copy()),
        (X, Y, np.ones(8)),
        (X[::-1].copy(), Y[::-1].copy()),
        (X.astype("float64"), Y),
        (X.reshape(8, 3, 1), Y),
        (X[:7], Y[:7]),
        X,
        ({"a": X}, Y),
    ],
    ids=str,
)
def test_other_arrays_are_other_data(other):
    assert _code((X, Y)) == _code((X.copy(), Y.copy()))
    assert _code(other) != _code((X, Y))


def test_names_of_inputs_count():
    assert _code(({"a": X, "b": OTHER}, Y)) != _code(({"b": X, "a": OTHER}, Y))


def test_strings_are_told_by_their_letters():
    one, two = np.array(["good", "bad"], object), np.array(["good", "bat"], object)
    assert _code((one, Y[:2])) == _code((np.array(["good", "bad"], object), Y[:2]))
    assert _code((one, Y[:2])) != _code((two, Y[:2]))


def test_order_of_a_data_set_does_not_count_and_its_samples_do():
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    code = _code(data.batch(4))
    assert code == _code(data.shuffle(8).batch(3))
    assert code != _code(tf.data.Dataset.from_tensor_slices((OTHER, Y)).batch(4))
    assert code != _code(data.take(7).batch(4))


class _Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


def test_batches_of_every_kind_are_told_by_their_samples():
    def batches():
        yield X[4:], Y[4:]
        yield X[:4], Y[:4]

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    assert _code(_Batches()) == _code(batches) == _code(data)


def test_every_batch_of_a_list_counts():
    parts = [(X[:4], Y[:4]), (X[4:], Y[4:])]
    assert _code(parts) == _code(parts[::-1])
    assert _code(parts) != _code([parts[0], (OTHER[4:], Y[4:])])
    assert _code([X, X]) != _code([X, OTHER])


def test_random_data_is_told_by_its_form():
    random = np.random.default_rng()

    def draw(x):
        return (x + random.normal()).astype("float32")

    def noisy(size, samples=8):
        data = tf.data.Dataset.from_tensor_slices((X[:samples], Y[:samples]))
        data = data.map(lambda x, y: (tf.numpy_function(draw, [x], tf.float32), y))
        return data.batch(size)

    fingerprint = fingerprint_data(noisy(4))
    assert fingerprint.of == "form"
    assert fingerprint == fingerprint_data(noisy(4))
    assert fingerprint != fingerprint_data(noisy(4, samples=4))
    assert str(fingerprint) == f"{fingerprint.code} of its form"


def test_data_without_end_is_told_by_its_form():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4).repeat()
    assert fingerprint_data(data).of == "form"


def test_empty_data_is_an_error():
    with pytest.raises(DataError, match="empty"):
        fingerprint_data((X[:0], Y[:0]))
