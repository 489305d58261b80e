import numpy as np
import pytest
import tensorflow as tf

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses import attention_transfer
from tfcompress.distillation.losses.attention_transfer import AttentionTransfer
from tfcompress.errors import ArgumentError, ModelError


def reference_map(f, power):
    v = (np.abs(f) ** power).mean(-1).reshape(len(f), -1)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def reference(power, mode):
    def run(t, s):
        difference = reference_map(s, power) - reference_map(t, power)
        if mode == "norm":
            return np.linalg.norm(difference, axis=1)
        return (difference**2).mean(1)

    return run


def test_map_by_hand():
    # Squares of the channels: (9 + 16) / 2 and 0, so all attention is on the first.
    f = tf.constant([[[3.0, 4.0], [0.0, 0.0]]])
    np.testing.assert_allclose(attention_transfer.attention_map(f), [[1.0, 0.0]])


def test_difference_by_hand():
    # One looks at the first position, the other at the second: (1 + 1) / 2 and √2.
    t, s = tf.constant([[[1.0], [0.0]]]), tf.constant([[[0.0], [5.0]]])
    np.testing.assert_allclose(AttentionTransfer().compute_loss(t, s), [1.0])
    norm = AttentionTransfer(mode="norm").compute_loss(t, s)
    np.testing.assert_allclose(norm, [np.sqrt(2)], rtol=1e-6)


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("mode", ["squared", "norm"])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(power, mode, scale):
    loss = AttentionTransfer(power=power, mode=mode)
    t, s = normal(2, 3, 2, 5), normal(2, 3, 2, 4, seed=1, scale=scale)
    numerical.check(loss.compute_loss, reference(power, mode), t, s)


def test_weak_features_are_normalised_too():
    t, s = normal(1, 3, 3, 2), normal(1, 3, 3, 2, seed=1)
    strong = AttentionTransfer().compute_loss(t, s)
    weak = AttentionTransfer().compute_loss(t, s * 1e-4)
    np.testing.assert_allclose(weak, strong, rtol=1e-4)


def test_larger_map_is_pooled_to_the_smaller():
    t, s = normal(2, 4, 4, 3), normal(2, 2, 2, 5, seed=1)
    pooled = t.reshape(2, 2, 2, 2, 2, 3).mean((2, 4))
    expected = reference(2, "squared")(pooled, s)
    loss = AttentionTransfer()
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-5)
    np.testing.assert_allclose(loss.compute_loss(s, t), expected, rtol=1e-5)


def test_stages_are_added_in_one_and_three_dimensions():
    t = [normal(2, 6, 3), normal(2, 2, 3, 2, 3, seed=1)]
    s = [normal(2, 6, 4, seed=2), normal(2, 2, 3, 2, 5, seed=3)]
    value = AttentionTransfer(["a", "b"], ["c", "d"]).compute_loss(t, s)
    expected = sum(map(reference(2, "squared"), t, s))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize("mode", ["squared", "norm"])
def test_equal_or_dead_features_give_finite_gradients(mode):
    for value in (np.zeros((1, 2, 2, 3)), np.ones((1, 2, 2, 3))):
        variable = tf.Variable(value, dtype=tf.float32)
        with tf.GradientTape() as tape:
            loss = AttentionTransfer(mode=mode).compute_loss(value, variable)
        np.testing.assert_allclose(loss, [0.0], atol=1e-5)
        assert np.isfinite(tape.gradient(loss, variable)).all()


@pytest.mark.parametrize(
    "arguments",
    [{"power": 0.5}, {"power": float("nan")}, {"power": "2"}, {"mode": "cubed"}],
)
def test_bad_arguments_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(ArgumentError, match=f"Received: {name}="):
        AttentionTransfer(**arguments)


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 4)])
def test_features_that_are_no_maps_of_the_same_axes_are_refused(shape):
    with pytest.raises(ModelError, match="as many spatial axes"):
        AttentionTransfer().compute_loss(np.ones(shape), np.ones((2, 4, 4, 4)))


def test_config_gives_the_same_loss():
    loss = AttentionTransfer(["a"], ["b"], power=3, mode="norm")
    config = AttentionTransfer.from_config(loss.get_config()).get_config()
    assert config == {
        "teacher_layer_name": ["a"],
        "student_layer_name": ["b"],
        "power": 3.0,
        "mode": "norm",
    }
