import numpy as np
import pytest
import tensorflow as tf
from scipy.special import rel_entr, softmax

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.attention_matching import AttentionMatching
from tfcompress.errors import ArgumentError, ModelError


def score_reference(t, s):
    t, s = np.where(t <= -100, 0, t), np.where(s <= -100, 0, s)
    return ((s - t) ** 2).mean((1, 3))


def probability_reference(t, s):
    return rel_entr(t, s).sum(-1).mean(1)


def test_scores_that_mask_count_as_zero():
    # Heads 1, queries 1: keys (1, masked) against (3, masked otherwise): 4 / 2.
    t, s = tf.constant([[[[1.0, -1e9]]]]), tf.constant([[[[3.0, -10000.0]]]])
    loss = AttentionMatching({"a": "b"}, mode="scores")
    np.testing.assert_allclose(loss.compute_loss(t, s), [[2.0]])


def test_divergence_by_hand():
    t, s = tf.constant([[[[0.75, 0.25]]]]), tf.constant([[[[0.5, 0.5]]]])
    expected = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    value = AttentionMatching({"a": "b"}).compute_loss(t, s)
    np.testing.assert_allclose(value, [[expected]], rtol=1e-6)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_scores_and_gradients(samples, scale):
    t, s = normal(samples, 2, 3, 3, scale=scale), normal(samples, 2, 3, 3, seed=1)
    t[0, 0, 0, 0] = s[0, 1, 2, 1] = -10000.0
    loss = AttentionMatching({"a": "b"}, mode="scores")
    numerical.check(loss.compute_loss, score_reference, t, s)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("keys", [2, 4])
def test_probabilities_and_gradients(samples, keys):
    t = softmax(normal(samples, 2, 3, keys), -1)
    s = softmax(normal(samples, 2, 3, keys, seed=1), -1)
    loss = AttentionMatching({"a": "b"})
    numerical.check(loss.compute_loss, probability_reference, t, s)


def test_probabilities_of_zero_give_finite_numbers():
    t, s = tf.constant([[[[1.0, 0.0]]]]), tf.Variable([[[[0.0, 1.0]]]])
    with tf.GradientTape() as tape:
        loss = AttentionMatching({"a": "b"}).compute_loss(t, s)
    np.testing.assert_allclose(loss, [[-np.log(np.finfo(np.float32).tiny)]], rtol=1e-6)
    assert np.isfinite(tape.gradient(loss, s)).all()


def test_layers_are_added():
    t = [softmax(normal(2, 2, 3, 3, seed=i), -1) for i in (0, 1)]
    s = [softmax(normal(2, 2, 3, 3, seed=i), -1) for i in (2, 3)]
    loss = AttentionMatching({"a:1": "b:1", "c:1": "d:1"})
    expected = sum(map(probability_reference, t, s))
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("teacher", "student", "message"),
    [
        ((None, 4, 5, 5), (None, 2, 5, 5), "as many heads"),
        ((None, 4, 5, 5), (None, 4, 6, 6), "same tokenizer"),
        ((None, 5, 8), (None, 5, 8), '"attention:1"'),
    ],
)
def test_shapes_that_do_not_fit_are_refused(either_keras, teacher, student, message):
    with pytest.raises(ModelError, match=message):
        AttentionMatching({"a": "b"}).build(teacher, student, either_keras)


def build_attention(module, name):
    inputs = module.layers.Input((4, 8))
    layer = module.layers.MultiHeadAttention(2, 4, name=name)
    x, _ = layer(inputs, inputs, return_attention_scores=True)
    return module.Model(inputs, module.layers.Dense(3)(x), name=f"{name}_model")


def test_attention_of_keras_is_found(either_keras):
    teacher, student = (build_attention(either_keras, name) for name in ("t", "s"))
    loss = AttentionMatching({"s:1": "t:1"})
    loss.validate_model_compatibility(teacher, student)
    with pytest.raises(ModelError, match="has 2 output"):
        AttentionMatching({"s:2": "t:1"}).validate_model_compatibility(teacher, student)


def test_bad_mode_is_refused():
    with pytest.raises(ArgumentError, match="Received: mode="):
        AttentionMatching({"a": "b"}, mode="logits")


def test_config_gives_the_same_loss():
    config = AttentionMatching({"a": "b"}, mode="scores").get_config()
    assert config == {"layer_map": {"a": "b"}, "mode": "scores"}
    assert AttentionMatching.from_config(config).get_config() == config
