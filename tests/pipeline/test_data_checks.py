import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import DataError
from tfcompress.pipeline.data_checks import check_data

RNG = np.random.default_rng(0)
X = RNG.random((64, 4), np.float32)
Y = np.arange(64) % 3


@pytest.fixture(scope="module")
def models(either_keras):
    """Models that differ in what they take and give."""
    k = either_keras
    layers = k.layers
    a, b = k.Input((4,), name="a"), k.Input((2,), name="b")
    joined = layers.Concatenate()([a, b])
    words = k.Input((5,), dtype="int32", name="words")
    embedded = layers.Flatten()(layers.Embedding(9, 2)(words))
    return {
        "classes": k.Sequential([k.Input((4,)), layers.Dense(3)]),
        "image": k.Sequential(
            [k.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3)],
        ),
        "sigmoid": k.Sequential([k.Input((4,)), layers.Dense(1, "sigmoid")]),
        "sigmoids": k.Sequential([k.Input((4,)), layers.Dense(3, "sigmoid")]),
        "numbers": k.Sequential([k.Input((4,)), layers.Dense(1)]),
        "two": k.Model([a, b], layers.Dense(3)(joined)),
        "words": k.Model(words, layers.Dense(3)(embedded)),
    }


def check(model, train, validation=None, test=None, batch_size=32):
    validation = train if validation is None else validation
    check_data(
        model,
        train,
        validation,
        validation if test is None else test,
        batch_size=batch_size,
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("classes", (X, Y)),
        ("classes", (X.astype(np.float64), Y[:, None])),
        ("classes", (X > 0.5, np.eye(3)[Y])),
        ("classes", (X, Y, np.ones(64))),
        ("image", (np.zeros((64, 4, 4, 1), np.uint8), Y.astype(np.float32))),
        ("sigmoid", (X, Y > 0)),
        ("sigmoid", (X, X[:, 0])),
        ("sigmoids", (X, X[:, :3])),
        ("numbers", (X, X.sum(axis=1))),
        ("two", ({"a": X, "b": X[:, :2]}, Y)),
        ("two", ([X, X[:, :2]], Y)),
        ("words", (RNG.integers(0, 9, (64, 5)), Y)),
        ("words", (RNG.integers(0, 9, (64, 5)).astype(np.float32), Y)),
    ],
)
def test_good(models, name, data):
    check(models[name], data)


def test_good_data_set(models):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    check(models["classes"], data)
    check(models["classes"], (X, Y), data, data)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("classes", None, "must be data for train"),
        ("classes", (X,), "labels to train on"),
        ("classes", (X, Y, X, Y), "a tuple of 4"),
        ("classes", X, "labels to train on"),
        ("classes", (X[:, :3], Y), r"shape \(None, 4\).*shape \(64, 3\)"),
        ("classes", (X[..., None], Y), r"shape \(64, 4, 1\)"),
        ("image", (np.zeros((64, 4, 4)), Y), r"x\[\.\.\., None\]"),
        ("image", (np.zeros((64, 5, 4, 1)), Y), r"shape \(None, 4, 4, 1\)"),
        ("classes", (X, Y[:9]), "same number of samples"),
        ("classes", (X[:0], Y[:0]), "one sample at the least"),
        ("classes", (X.astype(str), Y), "numbers, not text"),
        ("classes", (np.array([[1], [1, 2]] * 32, object), Y), "pad sequences"),
        ("classes", (np.where(X > 0.9, np.nan, X), Y), "x of train must hold finite"),
        ("classes", (X, Y + 1), "0 to 2"),
        ("classes", (X, Y - 1), "0 to 2"),
        ("classes", (X, np.eye(4)[Y]), "train:.*shape"),
        ("classes", (X, np.array(["a", "b"] * 32)), "Labels must be numbers"),
        ("classes", (X, np.zeros(64, int)), "two classes.*all of class 0"),
        ("classes", (X, np.eye(3)[Y * 0 + 1]), "two classes.*all of class 1"),
        ("sigmoid", (X, np.ones(64)), "two classes"),
        ("sigmoid", (X, 3.5 * X[:, :1]), "from 0 to 1, or shares, for a sigmoid"),
        ("sigmoids", (X, X[:, :3] - 0.5), "a sigmoid gives nothing else"),
        ("numbers", (X, np.full(64, np.inf)), "finite"),
        ("classes", (X[:31], Y[:31]), "of 32 .*--batch-size .*of 31"),
        ("two", (X, Y), "takes 2 inputs"),
        ("two", ({"a": X, "bb": X}, Y), "nearest to 'bb': b"),
        ("two", ({"a": X}, Y), "missing: b"),
        ("two", ({"a": X, "b": X}, Y), r"'b' of train.*shape \(None, 2\)"),
        ("words", (np.full((64, 5), 9), Y), "0 to 8.*from 9 to 9"),
        ("words", (np.full((64, 5), -1), Y), "0 to 8"),
        ("words", (np.full((64, 5), 0.5), Y), "whole numbers"),
        ("words", (np.full((64, 5), "word"), Y), "numbers, not text"),
    ],
)
def test_bad(models, name, data, message):
    with pytest.raises(DataError, match=message) as raised:
        check(models[name], data)
    assert "\n" not in str(raised.value)
    assert "Received: " in str(raised.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda data: iter(data.batch(16)), "an iterator only once"),
        (lambda data: data, r"sample by sample, call batch\(32\)"),
        (lambda data: data.batch(16).repeat(), "come to an end"),
        (lambda data: data.batch(16).take(0), "train: The data is empty"),
        (lambda data: data.map(lambda x, y: (x, y + 7)).batch(8), "train:.*0 to 2"),
        (lambda data: (each for each in data), "an iterator only once"),
    ],
)
def test_bad_data_set(models, make, message):
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    with pytest.raises(DataError, match=message):
        check(models["classes"], make(data))


class _Batches(keras.utils.PyDataset):
    """Batches of one sample, of class 1 up to the last."""

    def __init__(self, count, last=1):
        super().__init__()
        self._labels = [1] * (count - 1) + [last]

    def __len__(self):
        return len(self._labels)

    def __getitem__(self, index):
        return X[index : index + 1], np.array(self._labels[index : index + 1])


def _as_function(batches):
    return lambda: (batches[index] for index in range(len(batches)))


def _as_data_set(batches):
    kinds = (tf.TensorSpec((None, 4), tf.float32), tf.TensorSpec((None,), tf.int64))
    read = _as_function(batches)
    return tf.data.Dataset.from_generator(read, output_signature=kinds)


FORMS = [lambda batches: batches, _as_function, _as_data_set]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 32])
def test_one_class_is_found_in_batches(models, form, count):
    message = f"two classes.*{count} samples, all of class 1"
    with pytest.raises(DataError, match=message):
        check(models["classes"], form(_Batches(count)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("batches", [_Batches(2, last=0), _Batches(33)])
def test_two_classes_or_more_batches_than_are_read_pass(models, form, batches):
    check(models["classes"], form(batches))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_each_part_is_checked_and_named(models, part):
    with pytest.raises(DataError, match=f"x of {part} must hold finite"):
        check(models["classes"], (X, Y), **{part: (np.full((64, 4), np.nan), Y)})


def test_few_samples_and_one_class_are_enough_to_validate(models):
    check(models["classes"], (X, Y), (X[:1], Y[:1]))


@pytest.mark.parametrize(
    ("loss", "scale", "fits"),
    [
        ("mse", 1.0, True),
        ("binary_crossentropy", 1.0, False),
        ("binary_crossentropy", 15.0, False),
    ],
)
def test_real_labels_of_a_sigmoid(either_keras, loss, scale, fits):
    layers = [either_keras.Input((4,)), either_keras.layers.Dense(1, "sigmoid")]
    model = either_keras.Sequential(layers)
    model.compile("sgd", loss)
    if fits:
        check(model, (X, scale * X[:, :1]))
        return
    with pytest.raises(DataError, match="class numbers from 0 to 1"):
        check(model, (X, scale * X[:, :1]))
