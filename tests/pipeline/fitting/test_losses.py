"""Models train on the loss that the user meant, whatever they end in by then."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.errors import DataError
from tfcompress.keras_compat import cross
from tfcompress.pipeline.fitting import find_task
from tfcompress.pipeline.fitting.losses import build_losses, build_metrics
from tfcompress.pipeline.fitting.teaching import choose_loss
from tfcompress.pipeline.teaching import Distillation

KERASES = [keras, tf_keras]
RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(6, 3))
CLASSES = np.arange(6) % 3
ROWS = np.eye(3)[CLASSES]
X = np.zeros((6, 2), "float32")
POWERS = np.exp(LOGITS)
PROBABILITIES = {
    "softmax": POWERS / POWERS.sum(-1, keepdims=True),
    "sigmoid": 1 / (1 + np.exp(-LOGITS)),
}


def compiled(library, activation, loss):
    model = library.Sequential(
        [library.Input((2,)), library.layers.Dense(3, activation)]
    )
    model.compile(loss=loss)
    return model


def trained_loss(model, library, labels):
    """The loss on logits that the model is trained with."""
    task = find_task(model, (X, labels))
    loss = build_losses(task, model, model, [None])
    if isinstance(loss, library.losses.Loss):
        return float(loss(labels, LOGITS.astype("float32")))
    return float(np.mean(loss(labels, LOGITS.astype("float32"))))


def cross_entropy(activation, smoothing=0.0):
    shares = PROBABILITIES[activation]
    shares = shares / shares.sum(-1, keepdims=True)
    wanted = ROWS * (1 - smoothing) + smoothing / 3
    return -(wanted * np.log(shares)).sum(-1).mean()


def binary_cross_entropy(activation):
    shares = PROBABILITIES[activation]
    each = ROWS * np.log(shares) + (1 - ROWS) * np.log(1 - shares)
    return -each.mean()


@pytest.mark.parametrize("library", KERASES)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("form", ["name", "function", "object"])
def test_the_loss_is_the_users_own(library, activation, form):
    losses = library.losses
    binary, categorical = {
        "name": ("binary_crossentropy", "categorical_crossentropy"),
        "function": (losses.binary_crossentropy, losses.categorical_crossentropy),
        "object": (losses.BinaryCrossentropy(), losses.CategoricalCrossentropy()),
    }[form]

    found = trained_loss(compiled(library, activation, binary), library, ROWS)
    assert found == pytest.approx(binary_cross_entropy(activation), rel=1e-5)
    model = compiled(library, activation, categorical)
    found = trained_loss(model, library, ROWS)
    assert found == pytest.approx(cross_entropy(activation), rel=1e-5)


@pytest.mark.parametrize("library", KERASES)
def test_reductions_stay_where_the_ending_is_applied(library):
    loss = library.losses.BinaryCrossentropy(reduction="sum")
    found = trained_loss(compiled(library, "softmax", loss), library, ROWS)
    assert found == pytest.approx(6 * binary_cross_entropy("softmax"), rel=1e-5)


def test_what_an_output_ends_in_says_how_it_is_taught():
    one = compiled(keras, "softmax", "binary_crossentropy")
    task = find_task(one, (X, ROWS))
    assert task.kind == "classes"
    assert choose_loss(Distillation(), task, one).loss == "kl_divergence"
    each = compiled(keras, "sigmoid", "categorical_crossentropy")
    task = find_task(each, (X, ROWS))
    assert choose_loss(Distillation(), task, each).loss == "binary_crossentropy"


@pytest.mark.parametrize("library", KERASES)
@pytest.mark.parametrize("form", ["name", "function", "object"])
def test_labels_choose_between_numbers_and_rows(library, form):
    losses = library.losses
    sparse, rows = {
        "name": ("sparse_categorical_crossentropy", "categorical_crossentropy"),
        "function": (
            losses.sparse_categorical_crossentropy,
            losses.categorical_crossentropy,
        ),
        "object": (
            losses.SparseCategoricalCrossentropy(name="mine", reduction="sum"),
            losses.CategoricalCrossentropy(name="mine", reduction="sum"),
        ),
    }[form]
    count = 6 if form == "object" else 1
    for loss, labels, name in [
        (rows, CLASSES, "SparseCategoricalAccuracy"),
        (sparse, ROWS, "CategoricalAccuracy"),
    ]:
        model = compiled(library, "softmax", loss)
        found = trained_loss(model, library, labels)
        assert found == pytest.approx(count * cross_entropy("softmax"), rel=1e-5)
        task = find_task(model, (X, labels))
        (metric,) = build_metrics(task, model, model, [None], None)
        assert type(metric).__name__ == name


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (keras.losses.CategoricalCrossentropy(label_smoothing=0.1), CLASSES),
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=1), ROWS),
        (keras.losses.CategoricalFocalCrossentropy(), CLASSES),
        ("kl_divergence", CLASSES),
    ],
)
def test_settings_that_labels_of_this_form_cannot_have_are_told(loss, labels):
    with pytest.raises(DataError, match=r"for this loss.*Received: .* for loss="):
        find_task(compiled(keras, "softmax", loss), (X, labels))


def test_smoothing_of_rows_stays():
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    found = trained_loss(compiled(keras, "softmax", loss), keras, ROWS)
    assert found == pytest.approx(cross_entropy("softmax", 0.1), rel=1e-5)


def test_a_loss_of_the_users_own_is_left_alone():
    def categorical_crossentropy(y_true, y_pred):
        return keras.ops.sum(y_pred, -1) + keras.ops.cast(y_true, "float32")

    model = compiled(keras, "softmax", categorical_crossentropy)
    # Each row of probabilities adds up to 1, and the class numbers to 6.
    assert trained_loss(model, keras, CLASSES) == pytest.approx(2.0)


def test_huber_crosses_with_its_delta():
    crossed = cross(keras.losses.Huber(delta=0.5), keras="tf_keras")
    assert isinstance(crossed, tf_keras.losses.Huber)
    # The delta times the error without half the delta.
    assert float(crossed([[0.0]], [[2.0]])) == pytest.approx(0.5 * (2 - 0.25))
