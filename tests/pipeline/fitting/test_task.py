"""What a model is to learn is found in its outputs and labels."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.errors import ArgumentError, DataError
from tfcompress.pipeline.fitting import find_task

KERASES = [keras, tf_keras]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 4)).astype("float32")
CLASSES = np.arange(12) % 3


def model(library, width, activation=None, maps=False):
    shape = (5, 4) if maps else (4,)
    return library.Sequential(
        [library.Input(shape), library.layers.Dense(width, activation)]
    )


@pytest.mark.parametrize("library", KERASES)
@pytest.mark.parametrize(
    ("width", "activation", "labels", "kind", "classes", "loss", "from_logits"),
    [
        (3, "softmax", CLASSES, "classes", 3, "sparse_categorical", False),
        (3, None, CLASSES[:, None], "classes", 3, "sparse_categorical", True),
        (3, "softmax", np.eye(3)[CLASSES], "classes", 3, "categorical", False),
        (3, None, np.eye(3)[CLASSES], "classes", 3, "categorical", True),
        (1, "sigmoid", CLASSES // 2, "labels", 2, "binary", False),
        (1, None, CLASSES // 2, "labels", 2, "binary", True),
        (3, "sigmoid", X[:, :3] > 0, "labels", 3, "binary", False),
        (1, None, X[:, 0], "numbers", 1, "mean_squared", False),
        (2, None, X[:, :2], "numbers", 2, "mean_squared", False),
        (1, "relu", CLASSES // 2, "numbers", 1, "mean_squared", False),
    ],
)
def test_labels_and_outputs_say_what_is_learned(
    library, width, activation, labels, kind, classes, loss, from_logits
):
    task = find_task(model(library, width, activation), (X, labels))

    assert (task.kind, task.classes) == (kind, classes)
    assert task.loss.startswith(loss)
    assert task.from_logits == from_logits
    assert task.metrics == (("mae",) if kind == "numbers" else ("accuracy",))


def test_maps_have_a_class_for_each_place():
    x = RANDOM.normal(size=(6, 5, 4)).astype("float32")
    labels = np.arange(30).reshape(6, 5) % 3

    task = find_task(model(keras, 3, "softmax", maps=True), (x, labels))

    assert (task.kind, task.loss) == ("classes", "sparse_categorical_crossentropy")


def test_each_of_several_outputs_has_its_own():
    inputs = keras.Input((4,))
    outputs = {
        "kind": keras.layers.Dense(3, "softmax")(inputs),
        "size": keras.layers.Dense(1)(inputs),
    }
    two = keras.Model(inputs, outputs)

    task = find_task(two, (X, {"kind": CLASSES, "size": X[:, 0]}))

    assert task.kind == "several"
    assert [output.kind for output in task.outputs] == ["classes", "numbers"]


@pytest.mark.parametrize("library", KERASES)
def test_a_compiled_loss_goes_before_the_labels(library):
    compiled = model(library, 1)
    compiled.compile(loss="mae")

    task = find_task(compiled, (X, CLASSES // 2))

    assert (task.kind, task.loss) == ("numbers", "mae")


@pytest.mark.parametrize(
    ("width", "activation", "labels", "words"),
    [
        (3, "softmax", CLASSES + 1, "from 1 to 3"),
        (3, "softmax", np.eye(4)[CLASSES], "shape"),
        (3, None, X, "shape"),
        (1, "sigmoid", CLASSES, "from 0 to 2"),
        (3, "softmax", CLASSES.astype(str), "dtype"),
        (1, None, np.where(CLASSES == 1, np.nan, 1.0), "finite"),
        (2, None, X[:, 0], "not whole"),
    ],
)
def test_labels_that_fit_no_output_are_told(width, activation, labels, words):
    with pytest.raises(DataError, match=words):
        find_task(model(keras, width, activation), (X, labels))


def test_data_without_labels_is_told():
    with pytest.raises(DataError, match="inputs alone"):
        find_task(model(keras, 3), X)


def test_a_misspelled_loss_is_told():
    with pytest.raises(ArgumentError, match="categorical_crossentropy"):
        find_task(model(keras, 3), (X, CLASSES), loss="categorical_crossentrop")
