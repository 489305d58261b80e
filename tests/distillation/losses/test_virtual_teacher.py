import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from tests.distillation.differences import central_differences, gradient
from tests.models import build_classifier
from tfcompress.distillation.losses.virtual_teacher import (
    VirtualTeacher,
    virtual_teacher_logits,
)
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.schedules import Linear

STUDENT = np.random.default_rng(0).normal(scale=3.0, size=(4, 5))
LABELS = np.array([0, 4, 2, 2])


def reference(student, labels, correct, temperature):
    classes = student.shape[-1]
    q = np.full(student.shape, (1 - correct) / (classes - 1))
    q[np.arange(len(labels)), labels] = correct
    # Softened as probabilities are: to the power 1 / T, made to sum to 1 again.
    q = q ** (1 / temperature)
    q /= q.sum(-1, keepdims=True)
    difference = np.log(q) - log_softmax(student / temperature, -1)
    return temperature**2 * (q * difference).sum(-1)


def test_probabilities_worked_by_hand():
    q = tf.exp(virtual_teacher_logits([2, 0], tf.zeros((2, 3))))
    np.testing.assert_allclose(q, [[0.05, 0.05, 0.9], [0.9, 0.05, 0.05]], rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 20.0])
@pytest.mark.parametrize("rows", [1, 4])
def test_value_and_gradient_equal_numpy(temperature, rows):
    student, labels = STUDENT[:rows], LABELS[:rows]
    loss = VirtualTeacher(0.95, temperature)
    values = loss.compute_loss(None, student, labels=labels)
    expected = reference(student, labels, 0.95, temperature)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    found = gradient(lambda s: loss.compute_loss(None, s, labels=labels), student)
    slopes = central_differences(
        lambda s: reference(s, labels, 0.95, temperature), student
    )
    np.testing.assert_allclose(found, slopes, rtol=1e-3, atol=1e-4)


def test_the_gradient_is_that_of_label_smoothing_at_temperature_one():
    smoothing = 0.25  # 1 - 0.25 + 0.25 / 5 on the label.
    keras_loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction="sum"
    )
    hot = tf.one_hot(LABELS, 5)
    expected = gradient(lambda s: keras_loss(hot, s), STUDENT)
    loss = VirtualTeacher(0.8, 1.0)
    found = gradient(lambda s: loss.compute_loss(None, s, labels=LABELS), STUDENT)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_extreme_logits_of_two_classes():
    loss = VirtualTeacher(0.9, 1.0)
    values = loss.compute_loss(None, np.array([[-80.0, 80.0]]), labels=np.array([0]))
    expected = 0.9 * (np.log(0.9) + 160) + 0.1 * np.log(0.1)
    np.testing.assert_allclose(values, [expected], rtol=1e-5)
    slopes = gradient(
        lambda s: loss.compute_loss(None, s, labels=np.array([0])), [[-80.0, 80.0]]
    )
    np.testing.assert_allclose(slopes, [[-0.9, 0.9]], rtol=1e-5)


def test_softened_probabilities_still_show_the_label():
    # softmax of the probabilities themselves would give the label 0.125 of ten.
    logits = virtual_teacher_logits([0], np.zeros((1, 10)), correct_probability=0.99)
    assert softmax(np.array(logits) / 4.0)[0, 0] > 0.35


def test_the_teacher_is_not_looked_at():
    loss = VirtualTeacher()
    values = loss.compute_loss(STUDENT + np.nan, STUDENT, labels=LABELS)
    expected = reference(STUDENT, LABELS, 0.9, 20.0)
    np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_positions_and_several_outputs():
    loss = VirtualTeacher()
    one = loss.compute_loss(None, STUDENT, labels=LABELS)
    values = loss.compute_loss(
        None, STUDENT.reshape(2, 2, 5), labels=np.reshape(LABELS, (2, 2))
    )
    np.testing.assert_allclose(values, np.reshape(one, (2, 2)), rtol=1e-6)
    values = loss.compute_loss(None, [STUDENT] * 2, labels=[LABELS] * 2)
    np.testing.assert_allclose(values, [one, one])


def test_mean_over_classes():
    summed = VirtualTeacher().compute_loss(None, STUDENT, labels=LABELS)
    mean = VirtualTeacher(reduction="mean")
    values = mean.compute_loss(None, STUDENT, labels=LABELS)
    np.testing.assert_allclose(values, summed / 5, rtol=1e-6)


def test_needs_labels():
    with pytest.raises(DataError, match="Received: labels=None"):
        VirtualTeacher().compute_loss(None, STUDENT)


@pytest.mark.parametrize("probability", [0, 1, -0.1, float("nan"), "0.9"])
def test_probability_out_of_range(probability):
    with pytest.raises(ArgumentError, match="Received: correct_probability="):
        VirtualTeacher(probability)


def test_any_teacher_and_a_student_of_logits():
    sigmoid = build_classifier(keras, activation="sigmoid")
    VirtualTeacher().validate_model_compatibility(sigmoid, build_classifier(keras))
    with pytest.raises(ModelError, match="end in logits"):
        VirtualTeacher().validate_model_compatibility(None, sigmoid)


def test_config_round_trip():
    loss = VirtualTeacher(0.99, Linear(20.0, 1.0), reduction="mean")
    assert loss.temperature(0.0) == 20.0
    config = json.loads(json.dumps(loss.get_config()))
    assert VirtualTeacher.from_config(config).get_config() == loss.get_config()
