"""Labels by the names of outputs become those that every stage can train on."""

import numpy as np
import pytest
import tensorflow as tf

from tfcompress.data import batches
from tfcompress.pipeline import Distil, Pipeline, Quantize, Training
from tfcompress.pipeline.ordered_labels import order_labels

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
KINDS, SIZES = X[:, :3].argmax(-1), X[:, :1]


def build(k, *, as_dict=False):
    inputs = k.layers.Input((4,))
    kind = k.layers.Dense(3, activation="softmax", name="kind")(inputs)
    size = k.layers.Dense(1, name="size")(inputs)
    outputs = {"kind": kind, "size": size} if as_dict else [size, kind]
    return k.Model(inputs, outputs)


def test_arrays_and_data_sets(either_keras):
    model = build(either_keras)
    labels = {"kind": KINDS, "size": SIZES}
    x, (size, kind) = order_labels(model, (X, labels))
    assert x is X
    assert size is SIZES
    assert kind is KINDS
    batches = tf.data.Dataset.from_tensor_slices((X, labels)).batch(40)
    _, (size, kind) = next(order_labels(model, batches).as_numpy_iterator())
    np.testing.assert_array_equal(size, SIZES)
    np.testing.assert_array_equal(kind, KINDS)


def test_what_is_in_order_stays(either_keras):
    model = build(either_keras)
    for data in ((X, [SIZES, KINDS]), (X, {"other": KINDS}), [(X, KINDS)]):
        np.testing.assert_equal(order_labels(model, data), data)
    data = X, {"kind": KINDS, "size": SIZES}
    assert order_labels(build(either_keras, as_dict=True), data) is data


class Numbered:
    """Batches of 20 by number, as a `PyDataset` has them."""

    ended = 0

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(20 * index, 20 * index + 20)
        return X[rows], {"kind": KINDS[rows], "size": SIZES[rows]}

    def on_epoch_end(self):
        self.ended += 1


def read():
    numbered = Numbered()
    return (numbered[index] for index in range(2))


def test_functions_and_batches_with_numbers(either_keras):
    model, numbered = build(either_keras), Numbered()
    for data in (order_labels(model, read), order_labels(model, numbered)):
        for _ in range(2):
            whole = zip(*(y for _, y, _ in batches(data)), strict=True)
            size, kind = map(np.concatenate, whole)
            np.testing.assert_array_equal(size, SIZES)
            np.testing.assert_array_equal(kind, KINDS)
    assert len(data) == 2
    data.on_epoch_end()
    assert numbered.ended == 1


def test_functions_and_batches_without_named_labels_stay(either_keras):
    model = build(either_keras, as_dict=True)
    numbered, unnamed = Numbered(), lambda: iter([(X, [SIZES, KINDS])])
    assert order_labels(model, numbered) is numbered
    assert order_labels(build(either_keras), unnamed) is unnamed
    assert order_labels(build(either_keras), None) is None


@pytest.mark.slow
@pytest.mark.parametrize("form", ["arrays", "function", "numbered"])
def test_stages_train_on_named_labels(form, either_keras, tmp_path):
    arrays = X, {"kind": KINDS, "size": SIZES}
    data = {"arrays": arrays, "function": read, "numbered": Numbered()}[form]
    training = Training(epochs=1, batch_size=20)
    pipeline = Pipeline([Distil(training=training), Quantize(training=training)])
    result = pipeline.run(build(either_keras), data, data, directory=tmp_path / "run")
    assert [output.shape[1] for output in result.model.outputs] == [1, 3]
