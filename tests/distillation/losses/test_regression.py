import json

import keras
import numpy as np
import pytest

from tests.distillation.differences import central_differences, gradient
from tests.models import build_classifier
from tfcompress.distillation.losses.regression import (
    RegressionDistillation,
    bounded_squared_error,
    mixed_squared_error,
)
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.schedules import Linear

TEACHER, STUDENT, LABELS = np.random.default_rng(0).normal(scale=3.0, size=(3, 6, 4))


def mse(teacher, student, labels):
    return ((teacher - student) ** 2).sum(-1)


def mixed(teacher, student, labels):
    return ((0.3 * labels + 0.7 * teacher - student) ** 2).sum(-1)


def bounded(teacher, student, labels):
    of_student = ((student - labels) ** 2).sum(-1)
    of_teacher = ((teacher - labels) ** 2).sum(-1)
    return np.where(of_student + 5.0 > of_teacher, of_student, 0.0)


REFERENCES = [mse, mixed, bounded]


def build(reference, **arguments):
    return RegressionDistillation(
        reference.__name__, label_share=0.3, margin=5.0, **arguments
    )


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("shape", [(6, 4), (1, 4), (2, 3, 4), (24, 1)])
def test_value_and_gradient_equal_numpy(reference, shape):
    arrays = [array.ravel()[: np.prod(shape)] for array in (TEACHER, STUDENT, LABELS)]
    teacher, student, labels = (array.reshape(shape) for array in arrays)
    loss = build(reference)
    values = loss.compute_loss(teacher, student, labels=labels)
    assert values.dtype.name == "float32"
    expected = reference(teacher, student, labels)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    found = gradient(lambda s: loss.compute_loss(teacher, s, labels=labels), student)
    slopes = central_differences(lambda s: reference(teacher, s, labels), student)
    np.testing.assert_allclose(found, slopes, rtol=1e-3, atol=1e-4)


def test_the_reference_of_the_bound_has_both_cases():
    found = bounded(TEACHER, STUDENT, LABELS)
    assert (found == 0).any()
    assert (found > 0).any()


def test_mixture_worked_by_hand():
    value = mixed_squared_error([[2.0]], [[0.0]], [4.0], 0.25)
    np.testing.assert_allclose(value, [2.5**2])


def test_bound_worked_by_hand():
    # The teacher's error is 4; the student's are 9, 4, 1 and, within a margin, 3.61.
    teacher, student = np.full((4, 1), 2.0), np.array([[3.0], [2.0], [1.0], [1.9]])
    labels = np.zeros(4)
    value = bounded_squared_error(teacher, student, labels)
    np.testing.assert_allclose(value, [9, 0, 0, 0], rtol=1e-6)
    value = bounded_squared_error(teacher, student, labels, margin=0.5)
    np.testing.assert_allclose(value, [9, 4, 0, 3.61], rtol=1e-6)
    slopes = gradient(lambda s: bounded_squared_error(teacher, s, labels), student)
    np.testing.assert_allclose(slopes, [[6], [0], [0], [0]])


def test_labels_of_a_single_value_with_and_without_its_axis():
    loss = build(mixed)
    expected = mixed(TEACHER[:, :1], STUDENT[:, :1], LABELS[:, :1])
    for labels in (LABELS[:, 0], LABELS[:, :1]):
        values = loss.compute_loss(TEACHER[:, :1], STUDENT[:, :1], labels=labels)
        np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.parametrize("reference", REFERENCES)
def test_mean_over_values(reference):
    values = build(reference, reduction="mean").compute_loss(
        TEACHER, STUDENT, labels=LABELS
    )
    expected = reference(TEACHER, STUDENT, LABELS) / 4
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_several_outputs():
    values = build(mixed).compute_loss(
        {"a": TEACHER, "b": STUDENT},
        {"a": STUDENT, "b": TEACHER},
        labels={"a": LABELS, "b": LABELS},
    )
    np.testing.assert_allclose(values[0], mixed(TEACHER, STUDENT, LABELS), rtol=1e-5)
    np.testing.assert_allclose(values[1], mixed(STUDENT, TEACHER, LABELS), rtol=1e-5)


def test_teacher_annealing_of_numbers():
    loss = RegressionDistillation("mixed", label_share=Linear(0.0, 1.0))
    for progress in (0.0, 0.5, 1.0):
        for value in loss.scheduled_values():
            value.move(progress, step=0)
        target = progress * LABELS + (1 - progress) * TEACHER
        values = loss.compute_loss(TEACHER, STUDENT, labels=LABELS)
        np.testing.assert_allclose(values, mse(target, STUDENT, None), rtol=1e-5)


def test_squared_error_needs_no_labels():
    values = RegressionDistillation().compute_loss(TEACHER, STUDENT)
    np.testing.assert_allclose(values, mse(TEACHER, STUDENT, None), rtol=1e-5)


@pytest.mark.parametrize("loss", ["mixed", "bounded"])
def test_labels_missing_or_of_another_shape(loss):
    loss = RegressionDistillation(loss)
    with pytest.raises(DataError, match="Received: labels=None"):
        loss.compute_loss(TEACHER, STUDENT)
    with pytest.raises(DataError, match="shape of the outputs. Received: labels of"):
        loss.compute_loss(TEACHER, STUDENT, labels=LABELS[:, 0])


@pytest.mark.parametrize(
    ("key", "value"),
    [("loss", "huber"), ("label_share", 1.5), ("margin", -1), ("reduction", "none")],
)
def test_arguments_out_of_range(key, value):
    with pytest.raises(ArgumentError, match=f"{key} .*Received: {key}="):
        RegressionDistillation(**{key: value})


def test_models_that_end_in_probabilities(either_keras):
    numbers = build_classifier(keras)
    softmax = build_classifier(either_keras, activation="softmax")
    loss = RegressionDistillation()
    loss.validate_model_compatibility(numbers, numbers)
    loss.validate_model_compatibility(None, numbers)
    for pair in ((softmax, numbers), (numbers, softmax)):
        with pytest.raises(ModelError, match="ends in probabilities.*LogitsDistill"):
            loss.validate_model_compatibility(*pair)


def test_config_round_trip():
    loss = RegressionDistillation(
        "mixed", label_share=Linear(0.0, 1.0), margin=2.0, reduction="mean"
    )
    assert (loss.label_share(0.5), loss.margin) == (0.5, 2.0)
    config = json.loads(json.dumps(loss.get_config()))
    again = RegressionDistillation.from_config(config)
    assert again.get_config() == loss.get_config()
