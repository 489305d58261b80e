import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.channel_wise import ChannelWiseDistillation
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.schedules import Polynomial


def reference(temperature):
    def run(t, s):
        t = t.reshape(len(t), -1, t.shape[-1]) / temperature
        s = s.reshape(len(s), -1, s.shape[-1]) / temperature
        log_q, log_p = log_softmax(t, 1), log_softmax(s, 1)
        divergence = (np.exp(log_q) * (log_q - log_p)).sum((1, 2))
        return temperature**2 * divergence / t.shape[-1]

    return run


def test_divergence_by_hand():
    # Of two positions the teacher gives 3/4 and 1/4, the student the same to each; the
    # second channel agrees.
    t = tf.constant([[[np.log(3.0), 1.0], [0.0, 1.0]]], tf.float32)
    expected = (0.75 * np.log(1.5) + 0.25 * np.log(0.5)) / 2
    value = ChannelWiseDistillation().compute_loss(t, tf.zeros((1, 2, 2)))
    np.testing.assert_allclose(value, [expected], rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("shape", [(2, 3, 2, 3), (1, 4, 2), (2, 2, 2, 2, 2)])
def test_values_and_gradients(temperature, shape):
    loss = ChannelWiseDistillation(temperature=temperature)
    t, s = normal(*shape, scale=3), normal(*shape, seed=1, scale=3)
    numerical.check(loss.compute_loss, reference(temperature), t, s)


def test_confident_disagreement_keeps_its_gradient():
    t, s = np.array([[[80.0], [-80.0]]]), np.array([[[-80.0], [80.0]]])
    loss = ChannelWiseDistillation()
    numerical.check(loss.compute_loss, reference(1.0), t, s)
    np.testing.assert_allclose(loss.compute_loss(t, s), [160.0], rtol=1e-6)


def test_half_precision_is_computed_in_float32():
    t, s = (normal(2, 3, 3, 2, seed=i).astype(np.float16) for i in (0, 1))
    value = ChannelWiseDistillation().compute_loss(t, s)
    assert value.dtype == tf.float32
    expected = reference(1.0)(t.astype(np.float64), s.astype(np.float64))
    np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_temperature_follows_a_schedule():
    loss = ChannelWiseDistillation(temperature=Polynomial(8.0, 2.0, power=1))
    (value,) = loss.scheduled_values()
    value.move(1.0, 10)
    t, s = normal(2, 3, 2), normal(2, 3, 2, seed=1)
    np.testing.assert_allclose(loss.compute_loss(t, s), reference(2.0)(t, s), rtol=1e-5)
    assert isinstance(loss.temperature, Polynomial)
    again = ChannelWiseDistillation.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()


def test_maps_of_other_sizes_pass_through_a_regressor(either_keras):
    loss = ChannelWiseDistillation("a", "b")
    loss.build((None, 3, 3, 5), (None, 6, 6, 4), either_keras)
    value = loss.compute_loss(tf.ones((2, 3, 3, 5)), tf.ones((2, 6, 6, 4)))
    assert value.shape == (2,)
    assert len(loss.regressors) == 1


@pytest.mark.parametrize("temperature", [0, -1, "hot"])
def test_bad_temperatures_are_refused(temperature):
    with pytest.raises(ArgumentError, match="Received: temperature="):
        ChannelWiseDistillation(temperature=temperature)


@pytest.mark.parametrize(
    ("teacher", "message"), [((2, 5), "must be maps"), ((2, 3, 3, 5), "same shape")]
)
def test_shapes_that_do_not_fit_are_refused(teacher, message):
    loss = ChannelWiseDistillation(regressor=None)
    student = np.ones((*teacher[:-1], 4))
    with pytest.raises(ModelError, match=message):
        loss.compute_loss(np.ones(teacher), student)
