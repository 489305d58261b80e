import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from tests.distillation.differences import central_differences, gradient
from tfcompress.distillation.losses import soft_targets

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


def reference_jensen_shannon(teacher, student, temperature):
    q, p = softmax(teacher / temperature, -1), softmax(student / temperature, -1)
    m = (q + p) / 2
    terms = q * np.log(q / m) + p * np.log(p / m)
    return temperature**2 * terms.sum(-1) / 2


def reference_binary(teacher, student, temperature):
    q, p = (
        1 / (1 + np.exp(-teacher / temperature)),
        1 / (1 + np.exp(-student / temperature)),
    )
    terms = q * np.log(p) + (1 - q) * np.log(1 - p)
    return -(temperature**2) * terms.sum(-1)


def reference_reverse(teacher, student, temperature):
    return reference_divergence(student, teacher, temperature)


REFERENCES = [
    (soft_targets.reverse_kl_divergence, reference_reverse),
    (soft_targets.jensen_shannon, reference_jensen_shannon),
    (soft_targets.binary_cross_entropy, reference_binary),
]


@pytest.mark.parametrize(("function", "reference"), REFERENCES)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("shape", [(6, 5), (1, 5), (2, 3, 5), (15, 2)])
def test_value_and_gradient_equal_numpy(function, reference, temperature, shape):
    teacher, student = (logits.ravel()[: np.prod(shape)] for logits in LOGITS)
    teacher, student = teacher.reshape(shape), student.reshape(shape)
    value = function(teacher, student, temperature=temperature)
    assert value.dtype == tf.float32
    np.testing.assert_allclose(
        value, reference(teacher, student, temperature), rtol=1e-4, atol=1e-6
    )
    found = gradient(lambda s: function(teacher, s, temperature=temperature), student)
    expected = central_differences(
        lambda s: reference(teacher, s, temperature), student
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_reverse_divergence_worked_by_hand():
    # p = (3/4, 1/4) of the student and q = (1/2, 1/2) of the teacher.
    value = soft_targets.reverse_kl_divergence([[0.0, 0.0]], [[np.log(3.0), 0.0]])
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        # log p is 0 and log q is -160 where p is 1.
        (soft_targets.reverse_kl_divergence, 160.0),
        # Two distributions with nothing in common.
        (soft_targets.jensen_shannon, np.log(2.0)),
        # Two labels, each missed by 80.
        (soft_targets.binary_cross_entropy, 160.0),
    ],
)
def test_confident_disagreement_is_finite(function, expected):
    teacher, student = [[80.0, -80.0]], [[-80.0, 80.0]]
    np.testing.assert_allclose(function(teacher, student), [expected], rtol=1e-6)
    slopes = gradient(lambda s: function(teacher, s), student)
    assert np.isfinite(slopes).all()


def test_confident_labels_keep_their_gradient():
    slopes = gradient(
        lambda s: soft_targets.binary_cross_entropy([[80.0, -80.0]], s),
        [[-80.0, 80.0]],
    )
    np.testing.assert_allclose(slopes, [[-1.0, 1.0]], rtol=1e-6)


def test_squared_error_worked_by_hand():
    value = soft_targets.squared_error([[2.0, 80.0]], [[0.0, -80.0]])
    np.testing.assert_allclose(value, [25604.0], rtol=1e-6)
    slopes = gradient(
        lambda s: soft_targets.squared_error([[2.0, 1.0]], s), [[0.0, 4.0]]
    )
    np.testing.assert_allclose(slopes, [[-4.0, 6.0]])


def test_divergence_tends_to_the_squared_error_as_the_temperature_grows():
    teacher, student = LOGITS - LOGITS.mean(-1, keepdims=True)
    limit = soft_targets.squared_error(teacher, student) / (2 * 5)
    # In float64, for T² · KL at a high temperature is a difference of like numbers.
    value = reference_divergence(teacher, student, 1000.0)
    np.testing.assert_allclose(value, limit, rtol=0.02)
