import numpy as np
import pytest
import tensorflow as tf

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.probabilistic_transfer import ProbabilisticTransfer


def reference(t, s):
    def neighbours(f):
        f = f.reshape(len(f), -1)
        f = f / np.linalg.norm(f, axis=1, keepdims=True)
        closeness = (f @ f.T + 1) / 2
        return closeness / closeness.sum(1, keepdims=True)

    a, b = neighbours(t), neighbours(s)
    return (a * np.log((a + 1e-7) / (b + 1e-7))).mean()


def test_divergence_by_hand():
    # Opposite samples are no neighbours: rows (1, 0). Equal ones: rows (1/2, 1/2).
    t, s = tf.constant([[1.0], [-1.0]]), tf.constant([[2.0], [2.0]])
    value = ProbabilisticTransfer().compute_loss(t, s)
    np.testing.assert_allclose(value, np.log(2) / 2, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 2, 3), (1, 5)])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(shape, scale):
    t, s = normal(shape[0], 6), normal(*shape, seed=1, scale=scale)
    numerical.check(ProbabilisticTransfer().compute_loss, reference, t, s)


@pytest.mark.parametrize("samples", [0, 3])
def test_dead_features_give_finite_gradients(samples):
    variable = tf.Variable(tf.zeros((samples, 2)))
    with tf.GradientTape() as tape:
        loss = ProbabilisticTransfer().compute_loss(normal(samples, 4), variable)
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_config_gives_the_same_loss():
    config = ProbabilisticTransfer("a", "b").get_config()
    assert config == {"teacher_layer_name": "a", "student_layer_name": "b"}
    assert ProbabilisticTransfer.from_config(config).get_config() == config
