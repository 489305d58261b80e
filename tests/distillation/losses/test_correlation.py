import json

import keras
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import pearsonr

from tests.distillation.differences import central_differences, gradient
from tfcompress.distillation.losses.correlation import (
    CorrelationDistillation,
    correlation,
    inter_class_loss,
    intra_class_loss,
)
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.schedules import Linear

TEACHER, STUDENT = np.random.default_rng(0).normal(scale=2.0, size=(2, 6, 4))


def by_scipy(first, second):
    return np.array([pearsonr(a, b)[0] for a, b in zip(first, second, strict=True)])


def by_numpy(a, b):
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return (a * b).sum(-1) / (norms + 1e-8)


def reference(teacher, student, temperature, correlate=by_numpy):
    q, p = softmax(teacher / temperature, -1), softmax(student / temperature, -1)
    inter = temperature**2 * (1 - correlate(q, p))
    intra = temperature**2 * (1 - correlate(q.T, p.T))
    return inter, intra


def test_correlation_worked_by_hand():
    # (-1, 0, 1) and (-1, -1, 2): 3 / sqrt(2 * 6).
    value = correlation([1.0, 2.0, 3.0], [0.0, 0.0, 3.0])
    np.testing.assert_allclose(value, 3 / np.sqrt(12), rtol=1e-6)


def test_correlation_with_what_does_not_vary_is_zero():
    assert correlation([1.0, 2.0], [3.0, 3.0]) == 0.0


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_parts_equal_scipy(temperature):
    inter, intra = reference(TEACHER, STUDENT, temperature, by_scipy)
    pair = TEACHER, STUDENT
    np.testing.assert_allclose(
        inter_class_loss(*pair, temperature=temperature), inter, rtol=1e-4
    )
    np.testing.assert_allclose(
        intra_class_loss(*pair, temperature=temperature), intra, rtol=1e-4
    )


def test_loss_and_gradient_equal_numpy():
    def formula(student):
        inter, intra = reference(TEACHER, student, 2.0)
        return 0.5 * inter + 3.0 * intra.mean()

    loss = CorrelationDistillation(0.5, 3.0, 2.0)
    values = loss.compute_loss(TEACHER, STUDENT)
    np.testing.assert_allclose(values, formula(STUDENT), rtol=1e-4)
    found = gradient(lambda s: loss.compute_loss(TEACHER, s), STUDENT)
    expected = central_differences(formula, STUDENT)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_a_student_in_the_teachers_order_has_no_loss():
    values = CorrelationDistillation().compute_loss(TEACHER, TEACHER)
    np.testing.assert_allclose(values, np.zeros(6), atol=1e-5)


def test_positions_are_samples_within_a_class():
    loss = CorrelationDistillation()
    values = loss.compute_loss(TEACHER.reshape(2, 3, 4), STUDENT.reshape(2, 3, 4))
    expected = loss.compute_loss(TEACHER, STUDENT)
    np.testing.assert_allclose(values, np.reshape(expected, (2, 3)), rtol=1e-6)


def test_batch_of_one_has_no_order_of_samples():
    loss = CorrelationDistillation(1.0, 1.0)
    values = loss.compute_loss(TEACHER[:1], STUDENT[:1])
    inter = reference(TEACHER[:1], STUDENT[:1], 1.0)[0]
    np.testing.assert_allclose(values, inter + 1.0, rtol=1e-4)
    found = gradient(lambda s: loss.compute_loss(TEACHER[:1], s), STUDENT[:1])
    expected = central_differences(
        lambda s: reference(TEACHER[:1], s, 1.0)[0], STUDENT[:1]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_extreme_logits():
    teacher = np.array([[80.0, -80.0, 0.0], [-80.0, 80.0, 0.0]])
    # Probabilities (1, 0, 0) and (0, 1, 0) against (0, 1, 0) and (1, 0, 0): -1/2 along
    # the classes; along the samples -1 in two classes, and nothing in the third.
    loss = CorrelationDistillation()
    values = loss.compute_loss(teacher, -teacher)
    np.testing.assert_allclose(values, [1.5 + (2 + 2 + 1) / 3] * 2, rtol=1e-5)
    assert np.isfinite(
        gradient(lambda s: loss.compute_loss(teacher, s), -teacher)
    ).all()


def test_two_classes_as_one_column():
    columns = CorrelationDistillation().compute_loss(TEACHER[:, :1], STUDENT[:, :1])
    two = [np.concatenate([0 * z, z], -1) for z in (TEACHER[:, :1], STUDENT[:, :1])]
    inter, intra = reference(*two, 1.0)
    np.testing.assert_allclose(columns, inter + intra.mean(), rtol=1e-4, atol=1e-5)


def test_several_outputs():
    loss = CorrelationDistillation()
    values = loss.compute_loss({"a": TEACHER}, {"a": STUDENT})
    two = loss.compute_loss([TEACHER] * 2, [STUDENT] * 2)
    np.testing.assert_allclose(two, [values, values])


def test_weights_that_move():
    loss = CorrelationDistillation(0.0, Linear(0.0, 2.0), 3.0)
    assert (loss.beta, loss.gamma(0.5), loss.temperature) == (0.0, 1.0, 3.0)
    for value in loss.scheduled_values():
        value.move(0.5, step=0)
    expected = reference(TEACHER, STUDENT, 3.0)[1].mean()
    np.testing.assert_allclose(
        loss.compute_loss(TEACHER, STUDENT), [expected] * 6, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("key", "value"), [("beta", -1.0), ("gamma", "1"), ("temperature", 0.0)]
)
def test_numbers_out_of_range(key, value):
    with pytest.raises(ArgumentError, match=f"{key} must be .* Received: {key}="):
        CorrelationDistillation(**{key: value})


def test_config_round_trip():
    loss = CorrelationDistillation(2.0, Linear(0.0, 2.0), 4.0)
    config = json.loads(json.dumps(loss.get_config()))
    assert CorrelationDistillation.from_config(config).get_config() == loss.get_config()


@pytest.mark.parametrize("columns", [1, 2])
def test_two_classes_have_no_order(columns):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(columns)(inputs))
    with pytest.raises(ModelError, match=rf"three classes.*\(None, {columns}\)"):
        CorrelationDistillation().validate_model_compatibility(None, model)
    CorrelationDistillation(beta=0).validate_model_compatibility(None, model)
