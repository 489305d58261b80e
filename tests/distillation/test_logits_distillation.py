import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from tests.models import build_classifier
from tfcompress.distillation import LogitsDistillation
from tfcompress.errors import ArgumentError, ModelError


def divergence(teacher, student, temperature):
    q = softmax(teacher / temperature, -1)
    difference = log_softmax(teacher / temperature, -1) - log_softmax(
        student / temperature, -1
    )
    return temperature**2 * (q * difference).sum(-1)


def test_one_loss_for_each_sample():
    teacher, student = np.random.default_rng(0).normal(size=(2, 4, 3))
    loss = LogitsDistillation(temperature=2.0)
    values = loss.compute_loss(teacher, student)
    np.testing.assert_allclose(values, divergence(teacher, student, 2.0), rtol=1e-5)


def test_one_loss_for_each_position():
    teacher, student = np.random.default_rng(0).normal(size=(2, 4, 7, 3))
    values = LogitsDistillation(2.0).compute_loss(teacher, student)
    expected = divergence(teacher, student, 2.0)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_losses_of_several_outputs_are_added():
    rng = np.random.default_rng(0)
    teacher = {"a": rng.normal(size=(4, 3)), "b": rng.normal(size=(4, 5))}
    student = {"a": rng.normal(size=(4, 3)), "b": rng.normal(size=(4, 5))}
    values = LogitsDistillation(1.0).compute_loss(teacher, student)
    expected = sum(divergence(teacher[k], student[k], 1.0) for k in "ab")
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_single_column_is_the_logit_of_the_second_class():
    teacher, student = np.array([[1.5], [-2.0]]), np.array([[0.0], [1.0]])
    values = LogitsDistillation(1.0).compute_loss(teacher, student)
    q, p = 1 / (1 + np.exp(-teacher)), 1 / (1 + np.exp(-student))
    expected = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    np.testing.assert_allclose(values, expected[:, 0], rtol=1e-5)


@pytest.mark.parametrize(
    "temperature", [0, -1.0, float("nan"), float("inf"), "4", True]
)
def test_temperature_out_of_range(temperature):
    with pytest.raises(ArgumentError, match="temperature must be .* Received"):
        LogitsDistillation(temperature=temperature)


def test_unknown_loss():
    with pytest.raises(ArgumentError, match="Received: loss='hinge'"):
        LogitsDistillation(loss="hinge")


def test_config_round_trip():
    loss = LogitsDistillation(5.0, "categorical_crossentropy")
    again = LogitsDistillation.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_student_that_ends_in_probabilities_is_refused(either_keras, activation):
    teacher = build_classifier(keras)
    student = build_classifier(either_keras, activation=activation)
    with pytest.raises(ModelError, match=f"end in logits, without {activation}"):
        LogitsDistillation().validate_model_compatibility(teacher, student)
