import numpy as np
import pytest
import tensorflow as tf

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.similarity_preserving import SimilarityPreserving
from tfcompress.errors import ModelError


def reference(t, s):
    def rows(f):
        gram = np.array([[np.sum(a * b) for b in f] for a in f])
        return gram / np.sqrt((gram**2).sum(1, keepdims=True))

    return ((rows(s) - rows(t)) ** 2).sum() / len(t) ** 2


def test_difference_by_hand():
    # Rows (1, 0), (0, 1) against (1, 1)/√2 twice: 4 · (1 - 1/√2)² ... / 4.
    t, s = tf.eye(2), tf.ones((2, 1))
    half = 1 / np.sqrt(2)
    expected = (2 * (1 - half) ** 2 + 2 * half**2) / 4
    value = SimilarityPreserving().compute_loss(t, s)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 2, 3), (1, 5)])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(shape, scale):
    t, s = normal(shape[0], 6), normal(*shape, seed=1, scale=scale)
    numerical.check(SimilarityPreserving().compute_loss, reference, t, s)


def test_half_precision_is_computed_in_float32():
    t, s = (normal(4, 6, seed=i, scale=80).astype(np.float16) for i in (0, 1))
    value = SimilarityPreserving().compute_loss(t, s)
    assert value.dtype == tf.float32
    expected = reference(t.astype(np.float64), s.astype(np.float64))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_dead_features_give_finite_gradients():
    variable = tf.Variable(tf.zeros((3, 2)))
    with tf.GradientTape() as tape:
        loss = SimilarityPreserving().compute_loss(normal(3, 4), variable)
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_an_empty_batch_gives_zero():
    assert SimilarityPreserving().compute_loss(tf.zeros((0, 2)), tf.zeros((0, 3))) == 0


def test_numbers_alone_are_refused():
    with pytest.raises(ModelError, match="one axis more"):
        SimilarityPreserving().compute_loss(np.ones(2), np.ones(2))


def test_config_gives_the_same_loss():
    config = SimilarityPreserving("a", "b").get_config()
    assert config == {"teacher_layer_name": "a", "student_layer_name": "b"}
    assert SimilarityPreserving.from_config(config).get_config() == config
