import keras
import numpy as np
import pytest

import tfcompress as tfc
from tfcompress.data import batches
from tfcompress.keras_compat import tf_keras
from tfcompress.pipeline.named_labels import name_labels


@pytest.fixture(scope="module")
def two_outputs():
    inputs = keras.Input((3,))
    outputs = [
        keras.layers.Dense(n, name=name)(inputs) for name, n in (("b", 2), ("a", 1))
    ]
    return keras.Model(inputs, outputs)


X = np.arange(12, dtype=np.float32).reshape(4, 3)
KIND = np.array([0, 1, 1, 0])
SIZE = np.array([[0.0], [1.0], [2.0], [3.0]])


def test_a_list_of_labels_gets_the_names_of_the_outputs(two_outputs):
    weights = [np.ones(4), np.zeros(4)]
    named = name_labels(two_outputs, (X, [KIND, SIZE], weights))
    for _ in range(2):
        (batch,) = batches(named)
        np.testing.assert_array_equal(batch.x, X)
        np.testing.assert_array_equal(batch.y["b"], KIND)
        np.testing.assert_array_equal(batch.y["a"], SIZE)
        np.testing.assert_array_equal(batch.sample_weight["a"], np.zeros(4))


def test_other_labels_stay_as_they_are(two_outputs):
    by_name = X, {"b": KIND, "a": SIZE}
    assert name_labels(two_outputs, by_name) is by_name
    single = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    rows = X, [[0, 1], [1, 0], [1, 0], [0, 1]]
    assert name_labels(single, rows) is rows


@pytest.mark.slow
@pytest.mark.parametrize("library", [keras, tf_keras()], ids=["keras", "tf_keras"])
def test_compress_takes_a_list_and_measures_the_mean(library):
    """Of the accuracy of the one output, and of R2 of the other."""
    layers = library.layers
    library.utils.set_random_seed(0)
    inputs = layers.Input((6,))
    hidden = layers.Dense(16, activation="relu")(inputs)
    kind = layers.Dense(3, activation="softmax", name="kind")(hidden)
    model = library.Model(inputs, [kind, layers.Dense(1, name="size")(hidden)])
    x = np.random.default_rng(0).normal(size=(128, 6)).astype(np.float32)
    labels = [x[:, :3].argmax(1), x.sum(1, keepdims=True)]
    model.compile("adam", loss=["sparse_categorical_crossentropy", "mse"])
    model.fit(x, labels, epochs=20, verbose=0)
    result = tfc.compress(model, (x, labels), (x, labels), max_bytes=50_000, verbose=0)
    assert result.met
    assert result.metric == "mean of kind/accuracy, size/r2"
    kinds, sizes = model.predict(x, verbose=0)
    accuracy = (kinds.argmax(1) == labels[0]).mean()
    r2 = (
        1
        - ((sizes - labels[1]) ** 2).sum() / ((labels[1] - labels[1].mean()) ** 2).sum()
    )
    assert result.original.quality == pytest.approx((accuracy + r2) / 2, abs=1e-5)
