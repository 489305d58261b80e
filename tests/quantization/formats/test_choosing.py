import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import (
    METHODS,
    choose_parameters,
    fake_quantize,
    quantize,
)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_channels_are_chosen_as_if_alone(method, symmetric):
    x = np.random.default_rng(0).laplace(size=(400, 3)) * [1, 10, 0.1]
    together = choose_parameters(x, bits=4, symmetric=symmetric, axis=1, method=method)
    for channel in range(3):
        alone = choose_parameters(
            x[:, channel], bits=4, symmetric=symmetric, method=method
        )
        scale = float(together.scale[0, channel])
        assert scale == pytest.approx(float(alone.scale), rel=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
def test_mse_is_as_good_as_a_search_by_hand(bits, symmetric):
    x = np.random.default_rng(bits).standard_t(4, size=3000)
    found = quantize(
        x, choose_parameters(x, bits=bits, symmetric=symmetric, method="mse")
    )
    errors = []
    for ratio in np.linspace(0.01, 1, 100):
        low, high = x.min() * ratio, x.max() * ratio
        if symmetric:
            largest, steps = max(-low, high), 2 ** (bits - 1) - 1
            scale, first, last = largest / steps, -steps, steps
        else:
            scale = (high - low) / (2**bits - 1)
            first = -round(-low / scale)
            last = first + 2**bits - 1
        rounded = np.clip(np.round(x / scale), first, last) * scale
        errors.append(np.mean((x - rounded) ** 2))
    assert float(found.mean_squared_error) <= 1.03 * min(errors)


def test_mse_of_many_values_equals_mse_of_few():
    x = np.random.default_rng(0).laplace(size=140_000)
    many = choose_parameters(x, bits=4, method="mse")
    few = choose_parameters(x[:60_000], bits=4, method="mse")
    assert float(many.scale) == pytest.approx(float(few.scale), rel=0.05)


def test_percentile_is_exact():
    x = np.random.default_rng(0).normal(size=5000)
    parameters = choose_parameters(x, method="percentile")
    low, high = np.percentile(x, [0.01, 99.99])
    assert float(parameters.scale) == pytest.approx((high - low) / 255)


def test_every_scale_is_positive_with_dead_channels():
    x = np.zeros((50, 2), np.float32)
    x[:, 1] = np.linspace(-1, 1, 50)
    for method in METHODS:
        parameters = choose_parameters(x, axis=1, symmetric=True, method=method)
        assert (parameters.scale.numpy() > 0).all()
        rounded = quantize(x, parameters).dequantize().numpy()
        assert (rounded[:, 0] == 0).all()


def test_within_a_graph():
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def round_weights(x):
        return fake_quantize(x, choose_parameters(x, bits=4, axis=-1))

    expected = fake_quantize(x, choose_parameters(x, bits=4, axis=-1))
    np.testing.assert_allclose(round_weights(x), expected, rtol=1e-6)


def test_other_methods_need_values():
    @tf.function(autograph=False)
    def choose(x):
        return choose_parameters(x, method="mse").scale

    with pytest.raises(ArgumentError, match="Within a tf.function"):
        choose(tf.ones(3))


def test_half_precision_comes_back():
    x = tf.cast([0.5, -1.0], tf.bfloat16)
    assert fake_quantize(x, choose_parameters(x)).dtype == tf.bfloat16


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("method", METHODS)
def test_values_that_are_not_finite(method, bad):
    with pytest.raises(DataError, match="NaN or infinite"):
        choose_parameters([1.0, bad], method=method)


def test_empty_tensor():
    with pytest.raises(DataError, match=r"shape=\(0, 3\)"):
        choose_parameters(np.zeros((0, 3)))


def test_unknown_method_gets_the_nearest():
    with pytest.raises(ArgumentError, match="nearest.*min_max.*method='minmax'"):
        choose_parameters([1.0], method="minmax")
