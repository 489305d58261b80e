import numpy as np
import pytest
import tensorflow as tf

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.neuron_selectivity import NeuronSelectivityTransfer
from tfcompress.errors import ModelError


def reference(t, s):
    def unit(f):
        maps = f.reshape(len(f), -1, f.shape[-1]).transpose(0, 2, 1)
        return maps / np.linalg.norm(maps, axis=-1, keepdims=True)

    def kernel(a, b):
        return np.mean([[np.dot(x, y) ** 2 for y in b] for x in a])

    pairs = zip(unit(t), unit(s), strict=True)
    return np.array([kernel(a, a) + kernel(b, b) - 2 * kernel(b, a) for a, b in pairs])


def test_discrepancy_by_hand():
    # One channel each, that fires at another place: 1 + 1 - 0.
    t, s = tf.constant([[[2.0], [0.0]]]), tf.constant([[[0.0], [3.0]]])
    loss = NeuronSelectivityTransfer()
    np.testing.assert_allclose(loss.compute_loss(t, s), [2.0], rtol=1e-6)
    np.testing.assert_allclose(loss.compute_loss(t, 7 * t), [0.0], atol=1e-6)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(samples, scale):
    t, s = normal(samples, 3, 2, 4), normal(samples, 3, 2, 3, seed=1, scale=scale)
    numerical.check(NeuronSelectivityTransfer().compute_loss, reference, t, s)


def test_larger_map_is_pooled_to_the_smaller():
    t, s = normal(2, 4, 3), normal(2, 2, 5, seed=1)
    expected = reference(t.reshape(2, 2, 2, 3).mean(2), s)
    value = NeuronSelectivityTransfer().compute_loss(t, s)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_dead_channels_give_finite_gradients():
    variable = tf.Variable(tf.zeros((1, 2, 2, 3)))
    with tf.GradientTape() as tape:
        loss = NeuronSelectivityTransfer().compute_loss(normal(1, 2, 2, 3), variable)
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_vectors_are_refused():
    with pytest.raises(ModelError, match="name layers before the pooling"):
        NeuronSelectivityTransfer().compute_loss(np.ones((2, 4)), np.ones((2, 4)))


def test_config_gives_the_same_loss():
    config = NeuronSelectivityTransfer("a", "b").get_config()
    assert config == {"teacher_layer_name": "a", "student_layer_name": "b"}
    assert NeuronSelectivityTransfer.from_config(config).get_config() == config
