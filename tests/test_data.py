import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress import data
from tfcompress.errors import DataError

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]


@pytest.mark.parametrize(
    "form",
    [
        (X, Y),
        tf.data.Dataset.from_tensor_slices((X, Y)).batch(3),
        Sequence(),
        [(X[:5], Y[:5]), (X[5:], Y[5:])],
        lambda: iter([(X[:5], Y[:5]), (X[5:], Y[5:])]),
    ],
    ids=["tuple", "tf.data", "PyDataset", "list of batches", "function"],
)
def test_every_form_gives_the_same_samples(form):
    read = list(data.batches(form, batch_size=4))
    np.testing.assert_array_equal(np.concatenate([batch.x for batch in read]), X)
    np.testing.assert_array_equal(np.concatenate([batch.y for batch in read]), Y)
    assert all(batch.sample_weight is None for batch in read)


@pytest.mark.parametrize(
    "form", [X, tf.constant(X), tf.data.Dataset.from_tensor_slices(X).batch(3)]
)
def test_inputs_alone(form):
    read = list(data.batches(form))
    np.testing.assert_array_equal(np.concatenate([batch.x for batch in read]), X)
    assert read[0].y is None


def test_several_inputs_by_name_and_weights():
    inputs = {"a": X, "b": 2 * X}
    read = list(data.batches((inputs, Y, np.ones(10)), batch_size=6))
    assert [len(batch.y) for batch in read] == [6, 4]
    np.testing.assert_array_equal(read[1].x["b"], 2 * X[6:])
    np.testing.assert_array_equal(read[1].sample_weight, np.ones(4))


def test_take():
    np.testing.assert_array_equal(data.take((X, Y), 7, batch_size=3), X[:7])
    taken = data.take(({"a": X, "b": X}, Y), 3)
    np.testing.assert_array_equal(taken["b"], X[:3])
    assert len(data.take(X, 100)) == 10


def test_batches_padded_to_lengths_of_their_own():
    given = lambda: iter([np.ones((2, 5)), np.ones((2, 7))])  # noqa: E731
    assert data.take(given, 2).shape == (2, 5)
    with pytest.raises(DataError, match=r"pad all sequences.*\(2, 5\), \(2, 7\)"):
        data.take(given, 3)


@pytest.mark.parametrize("whole", [X, tf.constant(X), (X, Y), {"a": X}, [X, X]])
def test_arrays_are_whole(whole):
    assert data.is_whole(whole)
    # What is whole is cut into batches, and nothing else is.
    sizes = [
        len(data.leaves(batch.x)[0]) for batch in data.batches(whole, batch_size=4)
    ]
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize(
    "batched",
    [
        [(X, Y), (X, Y)],
        [{"a": X}, {"a": X}],
        Sequence(),
        tf.data.Dataset.from_tensors((X, Y)),
        lambda: iter([(X, Y)]),
        [],
        None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_batches_are_not_whole(batched):
    assert not data.is_whole(batched)


def test_first():
    assert len(data.first(tf.data.Dataset.from_tensor_slices(X).batch(3)).x) == 3


@pytest.mark.parametrize(
    "empty",
    [
        (X[:0], Y[:0]),
        tf.data.Dataset.from_tensor_slices(X[:0]).batch(2),
        [],
        lambda: [],
    ],
    ids=["tuple", "tf.data", "list", "function"],
)
def test_empty(empty):
    with pytest.raises(DataError, match="data is empty.*Received"):
        list(data.batches(empty))


def test_iterator_is_refused():
    with pytest.raises(DataError, match="read only once"):
        list(data.batches(iter([X])))


def test_unknown_form():
    with pytest.raises(DataError, match=r"Expected a tf\.data\.Dataset.*Received.*int"):
        list(data.batches(3))


def test_arrays_of_different_lengths():
    with pytest.raises(DataError, match="same number of samples"):
        list(data.batches((X, Y[:4])))


def test_batch_of_too_many_parts():
    with pytest.raises(DataError, match="a tuple of 4"):
        list(data.batches([(X, Y, Y, Y)]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    values = X.copy()
    values[3, 1] = bad
    with pytest.raises(DataError, match="x_train must hold.*1 of them.*sample 3"):
        data.check_finite(values, "x_train")


def test_whole_numbers_and_strings_are_finite():
    data.check_finite({"a": Y, "b": np.array(["text"])}, "x")


@pytest.mark.parametrize("labels", [[0, 1, 3], [-1, 0, 1], [[0], [3]]])
def test_labels_outside(labels):
    with pytest.raises(DataError, match="from 0 to 2, for there are 3 classes"):
        data.check_labels(labels, 3)


def test_labels_that_are_not_whole():
    with pytest.raises(DataError, match="such as 0.5"):
        data.check_labels([0.0, 0.5], 3)


def test_one_hot_labels_of_another_width():
    with pytest.raises(DataError, match="one column for each of 4 classes"):
        data.check_labels(np.eye(4), 3)


def test_good_labels():
    data.check_labels([0.0, 2.0], 3)
    data.check_labels(np.eye(3), 3)
    data.check_labels([[0], [2]], 3)
