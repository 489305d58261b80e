import json

import numpy as np
import pytest
from scipy.special import softmax

from tests.distillation.differences import central_differences, gradient
from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.decoupled import (
    DecoupledDistillation,
    non_target_divergence,
    target_divergence,
)
from tfcompress.errors import ArgumentError, DataError
from tfcompress.schedules import Linear

TEACHER, STUDENT = np.random.default_rng(0).normal(scale=3.0, size=(2, 4, 5))
LABELS = np.array([0, 4, 2, 2])


def parts(teacher, student, labels, temperature):
    """Both parts by the definition of the paper, in float64, row by row."""
    found = []
    for t, s, label in zip(teacher, student, labels, strict=True):
        q, p = softmax(t / temperature), softmax(s / temperature)
        target = q[label] * np.log(q[label] / p[label])
        target += (1 - q[label]) * np.log((1 - q[label]) / (1 - p[label]))
        q = np.delete(q, label) / (1 - q[label])
        p = np.delete(p, label) / (1 - p[label])
        found.append((target, (q * np.log(q / p)).sum()))
    return temperature**2 * np.array(found).T


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_parts_equal_the_definition(temperature):
    three = TEACHER, STUDENT, LABELS
    expected = parts(*three, temperature)
    found = [
        function(*three, temperature=temperature)
        for function in (target_divergence, non_target_divergence)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_worked_by_hand():
    # Teacher (1/2, 1/4, 1/4), student (1/3, 1/3, 1/3), label 0: among the others both
    # are even, and the label has 1/2 against 1/3.
    teacher, student = np.log([[2.0, 1.0, 1.0]]), np.zeros((1, 3))
    expected = 0.5 * np.log(0.5 / (1 / 3)) + 0.5 * np.log(0.5 / (2 / 3))
    np.testing.assert_allclose(
        target_divergence(teacher, student, [0]), [expected], rtol=1e-5
    )
    np.testing.assert_allclose(
        non_target_divergence(teacher, student, [0]), [0.0], atol=1e-6
    )


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_divergence_is_made_of_both(temperature):
    three = TEACHER, STUDENT, LABELS
    q = softmax(TEACHER / temperature, -1)[np.arange(4), LABELS]
    target = target_divergence(*three, temperature=temperature)
    others = non_target_divergence(*three, temperature=temperature)
    whole = soft_targets.kl_divergence(TEACHER, STUDENT, temperature=temperature)
    np.testing.assert_allclose(target + (1 - q) * others, whole, rtol=1e-4)


@pytest.mark.parametrize("rows", [1, 4])
def test_loss_and_gradient_equal_the_definition(rows):
    teacher, student, labels = TEACHER[:rows], STUDENT[:rows], LABELS[:rows]

    def reference(s):
        target, others = parts(teacher, s, labels, 2.0)
        return 1.5 * target + 6.0 * others

    loss = DecoupledDistillation(1.5, 6.0, 2.0)
    values = loss.compute_loss(teacher, student, labels=labels)
    np.testing.assert_allclose(values, reference(student), rtol=1e-4)
    found = gradient(lambda s: loss.compute_loss(teacher, s, labels=labels), student)
    expected = central_differences(reference, student)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_extreme_logits_where_the_published_code_is_infinite():
    teacher = np.array([[80.0, -80.0, 0.0], [-80.0, 80.0, 0.0]])
    loss = DecoupledDistillation(1.0, 1.0, 1.0)
    values = loss.compute_loss(teacher, -teacher, labels=np.array([0, 0]))
    # Row 1: the teacher is sure of the label, whose log p is -80 - 80; of the others,
    # (-80, 0) against (80, 0), it is sure of the second, whose log p is -80.
    # Row 2: it is sure of the others, whose log p is 0 - 80; among them, (80, 0)
    # against (-80, 0), of the first, whose log p is -80.
    np.testing.assert_allclose(values, [160.0 + 80.0, 80.0 + 80.0], rtol=1e-5)
    slopes = gradient(
        lambda s: loss.compute_loss(teacher, s, labels=np.array([0, 0])), -teacher
    )
    assert np.isfinite(slopes).all()
    assert abs(slopes).max() > 0.5


def test_two_classes_have_no_others():
    teacher, student = TEACHER[:, :2], STUDENT[:, :2]
    labels = np.array([0, 1, 0, 1])
    others = non_target_divergence(teacher, student, labels)
    np.testing.assert_array_equal(others, np.zeros(4))
    values = DecoupledDistillation(1.0, 8.0, 2.0).compute_loss(
        teacher, student, labels=labels
    )
    whole = soft_targets.kl_divergence(teacher, student, temperature=2.0)
    np.testing.assert_allclose(values, whole, rtol=1e-4, atol=1e-6)


def test_a_single_column_is_two_classes():
    teacher, student = TEACHER[:, :1], STUDENT[:, :1]
    values = DecoupledDistillation().compute_loss(
        teacher, student, labels=np.array([[0.0], [1.0], [1.0], [0.0]])
    )
    two = [np.concatenate([0 * z, z], -1) for z in (teacher, student)]
    whole = soft_targets.kl_divergence(*two, temperature=4.0)
    np.testing.assert_allclose(values, whole, rtol=1e-4, atol=1e-6)


def test_positions_and_one_hot_labels():
    loss = DecoupledDistillation()
    expected = loss.compute_loss(TEACHER, STUDENT, labels=LABELS)
    teacher, student = TEACHER.reshape(2, 2, 5), STUDENT.reshape(2, 2, 5)
    hot = np.eye(5)[LABELS].reshape(2, 2, 5)
    for labels in (LABELS.reshape(2, 2), hot):
        values = loss.compute_loss(teacher, student, labels=labels)
        np.testing.assert_allclose(values, np.reshape(expected, (2, 2)), rtol=1e-6)


def test_several_outputs():
    loss = DecoupledDistillation()
    values = loss.compute_loss([TEACHER] * 2, [STUDENT] * 2, labels=[LABELS, LABELS])
    expected = loss.compute_loss(TEACHER, STUDENT, labels=LABELS)
    np.testing.assert_allclose(values, [expected] * 2)


def test_weights_that_move():
    loss = DecoupledDistillation(0.0, Linear(0.0, 8.0))
    assert (loss.alpha, loss.beta(0.5), loss.temperature) == (0.0, 4.0, 4.0)
    for value in loss.scheduled_values():
        value.move(0.5, step=0)
    values = loss.compute_loss(TEACHER, STUDENT, labels=LABELS)
    expected = 4.0 * parts(TEACHER, STUDENT, LABELS, 4.0)[1]
    np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_needs_labels():
    with pytest.raises(DataError, match="Received: labels=None"):
        DecoupledDistillation().compute_loss(TEACHER, STUDENT)


@pytest.mark.parametrize(
    ("key", "value"),
    [("alpha", -1.0), ("beta", float("nan")), ("temperature", 0), ("beta", "8")],
)
def test_numbers_out_of_range(key, value):
    with pytest.raises(ArgumentError, match=f"{key} must be .* Received: {key}="):
        DecoupledDistillation(**{key: value})


def test_config_round_trip():
    loss = DecoupledDistillation(0.5, Linear(0.0, 6.0), 2.0)
    config = json.loads(json.dumps(loss.get_config()))
    assert DecoupledDistillation.from_config(config).get_config() == loss.get_config()
