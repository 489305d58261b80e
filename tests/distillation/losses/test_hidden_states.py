import numpy as np
import pytest
import tensorflow as tf

from tests.distillation import numerical
from tests.distillation.numerical import normal
from tfcompress.distillation.losses.hidden_states import HiddenStates, spread_layers
from tfcompress.errors import ArgumentError, ModelError


def unit(x):
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


REFERENCES = {
    "mse": lambda t, s: ((s - t) ** 2).mean(-1),
    "normalized_mse": lambda t, s: ((unit(s) - unit(t)) ** 2).mean(-1),
    "cosine": lambda t, s: 1 - (unit(s) * unit(t)).sum(-1),
}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("mse", 12.5), ("normalized_mse", 1.0), ("cosine", 1.0)],
)
def test_losses_by_hand(mode, expected):
    # (3, 0) against (0, 4): squares 9 and 16; a right angle.
    loss = HiddenStates({"a": "b"}, mode=mode)
    t, s = tf.constant([[[3.0, 0.0]]]), tf.constant([[[0.0, 4.0]]])
    value = loss.compute_loss(t, s)
    np.testing.assert_allclose(value, [[expected]], rtol=1e-6)


@pytest.mark.parametrize("mode", REFERENCES)
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 5)])
@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_values_and_gradients(mode, shape, scale):
    loss = HiddenStates({"a": "b"}, mode=mode)
    t, s = normal(*shape), normal(*shape, seed=1, scale=scale)
    numerical.check(loss.compute_loss, REFERENCES[mode], t, s)


def test_one_position_alone():
    loss = HiddenStates({"a": "b"}, position=0)
    t, s = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    expected = ((s[:, 0] - t[:, 0]) ** 2).mean(-1)
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-5)


def test_half_precision_is_computed_in_float32():
    t, s = (normal(2, 3, 64, seed=i, scale=80).astype(np.float16) for i in (0, 1))
    value = HiddenStates({"a": "b"}).compute_loss(t, s)
    assert value.dtype == tf.float32
    expected = REFERENCES["mse"](t.astype(np.float64), s.astype(np.float64))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize("mode", REFERENCES)
def test_other_widths_pass_through_a_projection(either_keras, mode):
    loss = HiddenStates({"s1": "t1", "s2": "t2"}, mode=mode)
    assert loss.student_layers == ("s1", "s2")
    assert loss.teacher_layers == ("t1", "t2")
    loss.build([(None, None, 6)] * 2, [(None, None, 4)] * 2, either_keras)
    names = [regressor.name for regressor in loss.regressors]
    assert names == ["s1_to_t1_regressor", "s2_to_t2_regressor"]
    t = [normal(2, 3, 6), normal(2, 3, 6, seed=1)]
    s = [normal(2, 3, 4, seed=2), normal(2, 3, 4, seed=3)]
    expected = 0
    for regressor, a, b in zip(loss.regressors, t, s, strict=True):
        kernel, bias = regressor.get_weights()
        expected = expected + REFERENCES[mode](a, b @ kernel + bias)
    np.testing.assert_allclose(loss.compute_loss(t, s), expected, rtol=1e-4)


def test_equal_widths_have_no_projection(either_keras):
    loss = HiddenStates({"a": "b"})
    loss.build((None, None, 6), (None, None, 6), either_keras)
    assert loss.regressors == []


def test_other_lengths_are_refused(either_keras):
    with pytest.raises(ModelError, match="same tokenizer"):
        HiddenStates({"a": "b"}).build((None, 5, 6), (None, 7, 4), either_keras)


def test_a_vector_has_no_positions(either_keras):
    with pytest.raises(ModelError, match="batch, length, width"):
        HiddenStates({"a": "b"}, position=0).build((None, 6), (None, 6), either_keras)


@pytest.mark.parametrize("mode", ["normalized_mse", "cosine"])
def test_zero_states_give_finite_gradients(mode):
    variable = tf.Variable(tf.zeros((1, 2, 3)))
    with tf.GradientTape() as tape:
        loss = HiddenStates({"a": "b"}, mode=mode).compute_loss(
            normal(1, 2, 3), variable
        )
    assert np.isfinite(tape.gradient(loss, variable)).all()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((6, 12), [1, 3, 5, 7, 9, 11]),
        ((4, 12), [2, 5, 8, 11]),
        ((3, 5), [0, 2, 4]),
        ((1, 12), [11]),
        ((6, 12, "skip"), [1, 3, 5, 7, 9]),
        ((3, 12, "skip"), [3, 7]),
        ((6, 12, "last"), [6, 7, 8, 9, 10]),
    ],
)
def test_layers_spread_as_the_papers_have_them(arguments, expected):
    assert spread_layers(*arguments) == dict(enumerate(expected))


@pytest.mark.parametrize(
    "arguments", [(0, 12), (13, 12), (1, 12, "skip"), (6, 12, "first")]
)
def test_bad_spreads_are_refused(arguments):
    with pytest.raises(ArgumentError, match="Received"):
        spread_layers(*arguments)


@pytest.mark.parametrize("layer_map", [{}, {0: 1}, ["a", "b"], "a", None])
def test_bad_maps_are_refused(layer_map):
    with pytest.raises(ArgumentError, match="Received: layer_map="):
        HiddenStates(layer_map)


@pytest.mark.parametrize("arguments", [{"mode": "l1"}, {"position": "first"}])
def test_bad_arguments_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(ArgumentError, match=f"Received: {name}="):
        HiddenStates({"a": "b"}, **arguments)


def test_config_gives_the_same_loss():
    config = HiddenStates({"a": "b"}, mode="cosine", position=0).get_config()
    assert config == {
        "layer_map": {"a": "b"},
        "mode": "cosine",
        "position": 0,
        "regressor": "auto",
    }
    assert HiddenStates.from_config(config).get_config() == config
