import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses import contrastive
from tfcompress.distillation.losses.contrastive import ContrastiveDistillation
from tfcompress.errors import ArgumentError, ModelError


def reference(temperature):
    def run(t, s):
        t = t / np.linalg.norm(t, axis=1, keepdims=True)
        s = s / np.linalg.norm(s, axis=1, keepdims=True)
        c = s @ t.T / temperature
        rows, columns = np.diag(log_softmax(c, 1)), np.diag(log_softmax(c, 0))
        return -(rows + columns) / 2

    return run


def test_contrast_by_hand():
    # Both embeddings of the teacher are the same to each student: ln 2 along a row;
    # along a column too.
    t = tf.constant([[1.0, 0.0], [1.0, 0.0]])
    value = contrastive.contrast(t, t)
    np.testing.assert_allclose(value, [np.log(2), np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(temperature, samples, scale):
    t, s = normal(samples, 3), normal(samples, 3, seed=1, scale=scale)

    def loss(t, s):
        return contrastive.contrast(t, s, temperature=temperature)

    numerical.check(loss, reference(temperature), t, s, atol=1e-5)


@pytest.mark.parametrize(
    ("teacher", "student"), [((6,), (4,)), ((3, 3, 6), (4,)), ((5, 6), (2, 2, 4))]
)
def test_both_sides_are_projected_and_trained(either_keras, teacher, student):
    loss = ContrastiveDistillation("a", "b", dimensions=5, temperature=0.5)
    loss.build((None, *teacher), (None, *student), either_keras)
    assert [r.name for r in loss.regressors] == [
        "b_to_a_regressor_of_student",
        "b_to_a_regressor_of_teacher",
    ]
    t, s = normal(4, *teacher), normal(4, *student, seed=1)
    of_student, of_teacher = (r.get_weights() for r in loss.regressors)
    means = (x.reshape(4, -1, x.shape[-1]).mean(1) for x in (t, s))
    t_mean, s_mean = means
    expected = reference(0.5)(
        t_mean @ of_teacher[0] + of_teacher[1], s_mean @ of_student[0] + of_student[1]
    )
    with tf.GradientTape() as tape:
        value = loss.compute_loss(t, s)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    variables = [v for r in loss.regressors for v in r.trainable_variables]
    assert len(variables) == 4
    assert all(np.abs(g).max() > 0 for g in tape.gradient(value, variables))


def test_dead_features_give_finite_gradients():
    variable = tf.Variable(tf.zeros((3, 2)))
    with tf.GradientTape() as tape:
        loss = contrastive.contrast(tf.ones((3, 2)), variable)
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_build_must_come_first():
    with pytest.raises(ModelError, match="must be called first"):
        ContrastiveDistillation().compute_loss(np.ones((2, 3)), np.ones((2, 4)))


@pytest.mark.parametrize(
    "arguments", [{"dimensions": 0}, {"dimensions": 1.5}, {"temperature": 0}]
)
def test_bad_arguments_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(ArgumentError, match=f"Received: {name}="):
        ContrastiveDistillation(**arguments)


def test_config_gives_the_same_loss():
    config = ContrastiveDistillation("a", "b", dimensions=16).get_config()
    assert config == {
        "teacher_layer_name": "a",
        "student_layer_name": "b",
        "dimensions": 16,
        "temperature": 0.07,
    }
    assert ContrastiveDistillation.from_config(config).get_config() == config
