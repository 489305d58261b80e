"""Labels by the names of outputs become those that every stage can train on."""

import numpy as np
import pytest
import tensorflow as tf

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


@pytest.mark.slow
def test_stages_train_on_named_labels(either_keras, tmp_path):
    data = X, {"kind": KINDS, "size": SIZES}
    training = Training(epochs=1, batch_size=20)
    pipeline = Pipeline([Distil(training=training), Quantize(training=training)])
    result = pipeline.run(build(either_keras), data, data, directory=tmp_path / "run")
    assert [output.shape[1] for output in result.model.outputs] == [1, 3]
