import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from tfcompress.distillation import soft_targets

LOGITS = np.random.default_rng(0).normal(scale=3.0, size=(2, 6, 5))


def reference_divergence(teacher, student, temperature):
    q = softmax(teacher / temperature, -1)
    log_q = log_softmax(teacher / temperature, -1)
    log_p = log_softmax(student / temperature, -1)
    return temperature**2 * (q * (log_q - log_p)).sum(-1)


def test_divergence_of_two_classes_worked_by_hand():
    # q = (3/4, 1/4) and p = (1/2, 1/2): 0.75 ln 1.5 + 0.25 ln 0.5.
    teacher, student = [[np.log(3.0), 0.0]], [[0.0, 0.0]]
    value = soft_targets.kl_divergence(teacher, student)
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_divergence_equals_scipy(temperature):
    teacher, student = LOGITS
    value = soft_targets.kl_divergence(teacher, student, temperature=temperature)
    expected = reference_divergence(teacher, student, temperature)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_divergence_of_equal_logits_is_zero():
    value = soft_targets.kl_divergence(LOGITS[0], LOGITS[0], temperature=4.0)
    np.testing.assert_allclose(value, np.zeros(6), atol=1e-6)


@pytest.mark.parametrize(
    "function", [soft_targets.kl_divergence, soft_targets.cross_entropy]
)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_gradient_is_temperature_times_difference(function, temperature):
    teacher, student = LOGITS.astype(np.float32)
    variable = tf.Variable(student)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(function(teacher, variable, temperature=temperature))
    p, q = softmax(student / temperature, -1), softmax(teacher / temperature, -1)
    expected = temperature * (p - q) / len(student)
    np.testing.assert_allclose(tape.gradient(loss, variable), expected, atol=1e-6)


def test_confident_disagreement_neither_saturates_nor_loses_its_gradient():
    teacher, student = [[80.0, -80.0]], tf.Variable([[-80.0, 80.0]])
    with tf.GradientTape() as tape:
        value = soft_targets.kl_divergence(teacher, student)
    np.testing.assert_allclose(value, [160.0], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, student), [[-1.0, 1.0]], rtol=1e-6)


def test_cross_entropy_is_divergence_plus_entropy():
    teacher, student = LOGITS
    q = softmax(teacher / 2, -1)
    entropy = -4 * (q * log_softmax(teacher / 2, -1)).sum(-1)
    value = soft_targets.cross_entropy(teacher, student, temperature=2.0)
    expected = reference_divergence(teacher, student, 2.0) + entropy
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_arithmetic_is_float32_for_half_precision_logits():
    teacher, student = LOGITS.astype(np.float16)
    value = soft_targets.kl_divergence(teacher, student, temperature=4.0)
    assert value.dtype == tf.float32
    expected = reference_divergence(
        teacher.astype(np.float64), student.astype(np.float64), 4.0
    )
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
