import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from tests.distillation.differences import central_differences, gradient
from tests.models import build_classifier
from tfcompress.distillation.losses.hard_targets import HardTargets, hard_cross_entropy
from tfcompress.errors import ModelError

TEACHER, STUDENT = np.random.default_rng(0).normal(scale=3.0, size=(2, 4, 5))


def reference(teacher, student):
    chosen = teacher.argmax(-1)[..., None]
    return -np.take_along_axis(log_softmax(student, -1), chosen, -1)[..., 0]


def test_worked_by_hand():
    # The first of two even classes.
    value = hard_cross_entropy([[2.0, 1.0]], [[0.0, 0.0]])
    np.testing.assert_allclose(value, [np.log(2.0)], rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 5), (1, 5), (2, 2, 5), (10, 2)])
def test_value_and_gradient_equal_numpy(shape):
    teacher, student = TEACHER.reshape(-1), STUDENT.reshape(-1)
    size = np.prod(shape)
    teacher, student = teacher[:size].reshape(shape), student[:size].reshape(shape)
    value = HardTargets().compute_loss(teacher, student)
    np.testing.assert_allclose(value, reference(teacher, student), rtol=1e-5)
    found = gradient(lambda s: HardTargets().compute_loss(teacher, s), student)
    expected = central_differences(lambda s: reference(teacher, s), student)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_confident_disagreement():
    teacher, student = [[80.0, -80.0]], [[-80.0, 80.0]]
    np.testing.assert_allclose(hard_cross_entropy(teacher, student), [160.0], rtol=1e-6)
    slopes = gradient(lambda s: hard_cross_entropy(teacher, s), student)
    np.testing.assert_allclose(slopes, [[-1.0, 1.0]])


def test_a_single_column_is_the_second_class():
    value = HardTargets().compute_loss(np.array([[-2.0]]), np.array([[1.0]]))
    np.testing.assert_allclose(value, [np.log(1 + np.e)], rtol=1e-6)


def test_several_outputs_have_a_loss_each():
    values = HardTargets().compute_loss(
        {"a": TEACHER, "b": TEACHER}, {"a": STUDENT, "b": -STUDENT}
    )
    np.testing.assert_allclose(values[0], reference(TEACHER, STUDENT), rtol=1e-5)
    np.testing.assert_allclose(values[1], reference(TEACHER, -STUDENT), rtol=1e-5)


def test_half_precision_is_computed_in_float32():
    teacher, student = TEACHER.astype(np.float16), STUDENT.astype(np.float16)
    value = HardTargets().compute_loss(teacher, student)
    assert value.dtype.name == "float32"
    expected = reference(teacher.astype(float), student.astype(float))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_config_round_trip():
    assert HardTargets.from_config(HardTargets().get_config()).get_config() == {}


def test_models_that_do_not_end_in_logits_of_classes(either_keras):
    logits = build_classifier(keras)
    softmax = build_classifier(either_keras, activation="softmax")
    sigmoid = build_classifier(either_keras, activation="sigmoid")
    loss = HardTargets()
    loss.validate_model_compatibility(softmax, logits)
    loss.validate_model_compatibility(None, logits)
    with pytest.raises(ModelError, match="end in logits, without softmax"):
        loss.validate_model_compatibility(logits, softmax)
    with pytest.raises(ModelError, match="binary_crossentropy.* Received: teacher"):
        loss.validate_model_compatibility(sigmoid, logits)
