"""The order of training data depends on seed and epoch alone."""

from itertools import chain

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import DataError
from tfcompress.pipeline.fitting.fresh_dataset import fresh_dataset
from tfcompress.pipeline.fitting.training_data import TrainingData, seed_of

X = np.arange(10, dtype="float32")[:, None]
Y = np.arange(10)


@pytest.fixture(autouse=True)
def no_global_seed():
    """Other tests set one, from which data sets take theirs where they are made."""
    tf.random.set_seed(None)


class Batches(keras.utils.PyDataset):
    """Batches of four, which count how often an epoch ended."""

    ended = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index * 4 :][:4], Y[index * 4 :][:4]

    def on_epoch_end(self):
        self.ended += 1


def shuffled(seed=3):
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(10, seed=seed).batch(4)


def shuffled_in_a_function():
    def part(i):
        return tf.data.Dataset.from_tensor_slices((X, Y)).shard(2, i).shuffle(5)

    return tf.data.Dataset.range(2).interleave(part, num_parallel_calls=2).batch(4)


def mixed():
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    parts = [rows.shard(2, i).shuffle(5) for i in range(2)]
    return tf.data.Dataset.sample_from_datasets(
        parts, rerandomize_each_iteration=True
    ).batch(4)


FORMS = {
    "arrays": lambda: (X, Y),
    "weighted": lambda: (X, Y, np.ones(10)),
    "dict": lambda: ({"a": X}, {"b": Y}),
    "dataset": shuffled,
    "without a seed": lambda: shuffled(seed=None),
    "shuffled in a function": shuffled_in_a_function,
    "mixed": mixed,
    "of unknown length": lambda: shuffled().filter(lambda x, y: True),
    "PyDataset": Batches,
    "function": lambda: lambda: ((X[i : i + 4], Y[i : i + 4]) for i in (0, 4, 8)),
}


def labels(data, start, epochs):
    found = data.dataset(start, epochs).as_numpy_iterator()
    return [tf.nest.flatten(element[1])[0].tolist() for element in found]


@pytest.mark.parametrize("form", FORMS)
def test_a_training_that_goes_on_sees_what_it_would_have_seen(form):
    data = FORMS[form]()
    whole = labels(TrainingData(data, batch_size=4, seed=5), 0, 3)
    again = TrainingData(data, batch_size=4, seed=5)

    assert again.steps == 3
    assert labels(again, 2, 3) == whole[6:]
    assert labels(again, 0, 3) == whole
    for epoch in range(3):
        seen = whole[epoch * 3 : epoch * 3 + 3]
        assert sorted(label for batch in seen for label in batch) == list(range(10))
    if form != "function":
        assert whole[:3] != whole[3:6]


def test_what_the_process_did_before_changes_no_draw():
    """Functions are numbered as they are traced, and stood in the order of that."""

    def drawn():
        rows = tf.data.Dataset.range(6)
        rows = rows.map(lambda i: i + tf.random.uniform([], 0, 100, tf.int64))
        rows = rows.map(lambda i: i + tf.random.uniform([], 0, 1000, tf.int64))
        parts = rows.flat_map(lambda i: tf.data.Dataset.from_tensors(i).repeat(2))
        fresh, _ = fresh_dataset(parts.shuffle(12), seed=5)
        return [int(i) for i in fresh]

    first = drawn()
    for _ in range(8):
        for _ in range(3):
            tf.data.Dataset.range(1).map(lambda i: i)
        assert drawn() == first


@pytest.mark.parametrize("seed", [None, 3])
def test_a_split_of_shuffled_data_stays_a_split(seed):
    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    rows = rows.shuffle(10, seed=seed, reshuffle_each_iteration=False)
    train, validation = rows.skip(4).batch(2), rows.take(4).batch(4)
    kept = set(chain(*(y.tolist() for _, y in validation.as_numpy_iterator())))

    seen = labels(TrainingData(train, batch_size=2, seed=5), 0, 2)
    assert set(chain(*seen)) == set(range(10)) - kept


def test_another_seed_is_another_order():
    orders = [labels(TrainingData((X, Y), batch_size=4, seed=s), 0, 1) for s in (1, 2)]

    assert orders[0] != orders[1]
    assert seed_of(1, "a", 0) == seed_of(1, "a", 0) != seed_of(1, "a", 1)


def test_samples_keep_their_labels_and_weights():
    data = TrainingData((X, Y, Y / 10), batch_size=4, seed=1)

    for x, y, weight in data.dataset(0, 1).as_numpy_iterator():
        np.testing.assert_array_equal(x[:, 0], y)
        np.testing.assert_allclose(weight, y / 10, rtol=1e-6)
        assert weight.dtype == np.float32


def test_data_without_end_is_told():
    with pytest.raises(DataError, match="repeat"):
        TrainingData(shuffled().repeat(), batch_size=4, seed=0)


def test_data_that_gets_shorter_is_told():
    lengths = iter([(0, 4, 8), (0, 4, 8), (0,), (0,), (0,)])
    data = TrainingData(
        lambda: ((X[i : i + 4], Y[i : i + 4]) for i in next(lengths)),
        batch_size=4,
        seed=0,
    )

    with pytest.raises(tf.errors.InvalidArgumentError, match="same number of batches"):
        labels(data, 0, 2)
    assert isinstance(data.error, DataError)


def test_random_functions_draw_what_they_would_have_drawn():
    tf.random.set_seed(None)  # Another test may have set one.
    rows = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(10)
    noise = rows.map(
        lambda x, y: (x, tf.cast(y, tf.float32) + tf.random.uniform([])),
        num_parallel_calls=1,
    ).batch(4)
    whole = labels(TrainingData(noise, batch_size=4, seed=5), 0, 3)
    other = labels(TrainingData(noise, batch_size=4, seed=6), 0, 1)
    list(noise)

    assert labels(TrainingData(noise, batch_size=4, seed=5), 2, 3) == whole[6:]
    epochs = [sorted(chain(*whole[i : i + 3])) for i in (0, 3, 6)]
    assert [int(value) for value in epochs[0]] == list(range(10))
    assert epochs[0] != epochs[1] != epochs[2]
    assert other != whole[:3]


def test_a_keras_layer_in_map_is_left_as_it_is():
    flip = keras.layers.GaussianNoise(1.0)
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    noise = data.map(lambda x, y: (flip(x, training=True), y))

    assert labels(TrainingData(noise, batch_size=4, seed=5), 1, 2)[0] == [0, 1, 2, 3]
