import json

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from tests.distillation.differences import central_differences, gradient
from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.teacher_annealing import (
    TeacherAnnealing,
    mixed_cross_entropy,
)
from tfcompress.errors import ArgumentError, DataError
from tfcompress.schedules import Constant, Cosine

TEACHER, STUDENT = np.random.default_rng(0).normal(scale=3.0, size=(2, 4, 5))
LABELS = np.array([0, 4, 2, 2])


def reference(teacher, student, labels, share):
    target = share * np.eye(student.shape[-1])[labels]
    target = target + (1 - share) * softmax(teacher, -1)
    return -(target * log_softmax(student, -1)).sum(-1)


def test_worked_by_hand():
    # Teacher (3/4, 1/4), label 1: even shares give (3/8, 5/8); student (1/2, 1/2).
    value = mixed_cross_entropy([[np.log(3.0), 0.0]], [[0.0, 0.0]], [1], 0.5)
    np.testing.assert_allclose(value, [np.log(2.0)], rtol=1e-6)
    # Student (3/4, 1/4).
    value = mixed_cross_entropy([[np.log(3.0), 0.0]], [[np.log(3.0), 0.0]], [1], 0.5)
    expected = -3 / 8 * np.log(3 / 4) - 5 / 8 * np.log(1 / 4)
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("rows", [1, 4])
def test_value_and_gradient_equal_numpy(share, rows):
    teacher, student, labels = TEACHER[:rows], STUDENT[:rows], LABELS[:rows]
    loss = TeacherAnnealing(share)
    values = loss.compute_loss(teacher, student, labels=labels)
    expected = reference(teacher, student, labels, share)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    found = gradient(lambda s: loss.compute_loss(teacher, s, labels=labels), student)
    slopes = central_differences(
        lambda s: reference(teacher, s, labels, share), student
    )
    np.testing.assert_allclose(found, slopes, rtol=1e-3, atol=1e-5)


def test_extreme_logits_of_two_classes():
    teacher, student = np.array([[80.0, -80.0]]), np.array([[-80.0, 80.0]])
    loss = TeacherAnnealing(0.25)
    values = loss.compute_loss(teacher, student, labels=np.array([1]))
    np.testing.assert_allclose(values, [0.75 * 160], rtol=1e-6)
    slopes = gradient(
        lambda s: loss.compute_loss(teacher, s, labels=np.array([1])), student
    )
    np.testing.assert_allclose(slopes, [[-0.75, 0.75]], rtol=1e-6)


def test_begins_with_the_teacher_and_ends_with_the_labels():
    loss = TeacherAnnealing()
    [share] = loss.scheduled_values()
    share.attach(tf.Variable(0.0))
    compute = tf.function(loss.compute_loss)
    for progress in (0.0, 0.25, 1.0):
        share.move(progress, step=0)
        values = compute(TEACHER, STUDENT, labels=LABELS)
        expected = reference(TEACHER, STUDENT, LABELS, progress)
        np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert compute.experimental_get_tracing_count() == 1


def test_without_labels_share_it_is_the_cross_entropy():
    values = TeacherAnnealing(0.0).compute_loss(TEACHER, STUDENT, labels=LABELS)
    expected = soft_targets.cross_entropy(TEACHER, STUDENT)
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_positions_soft_labels_and_several_outputs():
    loss = TeacherAnnealing(0.5)
    one = loss.compute_loss(TEACHER, STUDENT, labels=LABELS)
    shaped = [array.reshape(2, 2, 5) for array in (TEACHER, STUDENT)]
    hot = np.eye(5, dtype=np.float32)[LABELS].reshape(2, 2, 5)
    for labels in (LABELS.reshape(2, 2), hot):
        values = loss.compute_loss(*shaped, labels=labels)
        np.testing.assert_allclose(values, np.reshape(one, (2, 2)), rtol=1e-6)
    values = loss.compute_loss(
        {"a": TEACHER, "b": TEACHER},
        {"a": STUDENT, "b": STUDENT},
        labels={"a": LABELS, "b": LABELS},
    )
    np.testing.assert_allclose(values, [one, one])


def test_a_single_column_is_two_classes():
    values = TeacherAnnealing(1.0).compute_loss(
        np.array([[0.0]]), np.array([[1.0]]), labels=np.array([[1.0]])
    )
    np.testing.assert_allclose(values, [np.log(1 + np.exp(-1.0))], rtol=1e-6)


def test_needs_labels():
    with pytest.raises(DataError, match="Received: labels=None"):
        TeacherAnnealing().compute_loss(TEACHER, STUDENT)


@pytest.mark.parametrize("share", [-0.1, 1.1, "1", Constant(2.0)])
def test_share_out_of_range(share):
    with pytest.raises(ArgumentError, match="label_share must be .* Received: label_"):
        TeacherAnnealing(share)


@pytest.mark.parametrize("share", [None, 0.5, Cosine(0.0, 1.0, finish=0.8)])
def test_config_round_trip(share):
    loss = TeacherAnnealing(share)
    config = json.loads(json.dumps(loss.get_config()))
    again = TeacherAnnealing.from_config(config)
    assert again.get_config() == loss.get_config()
    assert type(again.label_share) is type(loss.label_share)
