import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import pearsonr, zscore

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.pearson_features import PearsonFeatures
from tfcompress.errors import ModelError


def reference(t, s):
    def z(f):
        flat = f.reshape(-1, f.shape[-1])
        return zscore(flat, axis=0).reshape(len(f), -1)

    return ((z(s) - z(t)) ** 2).mean(1) / 2


@pytest.mark.parametrize("shape", [(3, 2, 2, 2), (4, 3), (1, 3, 4)])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(shape, scale):
    t, s = normal(*shape), normal(*shape, seed=1, scale=scale)
    numerical.check(PearsonFeatures().compute_loss, reference, t, s)


def test_mean_is_one_less_the_correlation():
    t, s = normal(3, 4, 2), normal(3, 4, 2, seed=1)
    expected = 1 - np.mean(
        [pearsonr(t[..., c].ravel(), s[..., c].ravel())[0] for c in range(2)]
    )
    value = tf.reduce_mean(PearsonFeatures().compute_loss(t, s))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_scale_and_shift_of_a_channel_do_not_count():
    t = normal(2, 3, 3, 2)
    value = PearsonFeatures().compute_loss(t, t * [3.0, 0.1] + [5.0, -1.0])
    np.testing.assert_allclose(value, [0.0, 0.0], atol=1e-6)


def test_one_vector_alone_has_no_pattern():
    variable = tf.Variable([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        loss = PearsonFeatures().compute_loss(tf.constant([[3.0, 4.0]]), variable)
    np.testing.assert_array_equal(loss, [0.0])
    np.testing.assert_array_equal(tape.gradient(loss, variable), [[0.0, 0.0]])


def test_other_widths_pass_through_a_regressor(either_keras):
    loss = PearsonFeatures(["a", "b"], ["c", "d"])
    shapes = [(None, 4, 4, 5), (None, 2, 2, 5)]
    loss.build(shapes, [(None, 4, 4, 3), (None, 2, 2, 5)], either_keras)
    assert [r.name for r in loss.regressors] == ["c_to_a_regressor"]
    t = [normal(2, 4, 4, 5), normal(2, 2, 2, 5)]
    s = [normal(2, 4, 4, 3, seed=1), normal(2, 2, 2, 5, seed=2)]
    kernel, bias = loss.regressors[0].get_weights()
    expected = reference(t[0], s[0] @ kernel[0, 0] + bias) + reference(t[1], s[1])
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-4)


def test_other_widths_are_refused_without_a_regressor():
    with pytest.raises(ModelError, match="regressor='auto'"):
        PearsonFeatures(regressor=None).compute_loss(np.ones((2, 3)), np.ones((2, 4)))


def test_config_gives_the_same_loss():
    config = PearsonFeatures("a", "b", regressor="always").get_config()
    assert config == {
        "teacher_layer_name": "a",
        "student_layer_name": "b",
        "regressor": "always",
    }
    assert PearsonFeatures.from_config(config).get_config() == config
