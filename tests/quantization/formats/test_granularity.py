import numpy as np
import pytest

from tfcompress.errors import ArgumentError
from tfcompress.quantization.formats import (
    Granularity,
    choose_parameters,
    logarithmic_parameters,
    power_of_two_parameters,
    quantize,
)

BUILDERS = [choose_parameters, logarithmic_parameters, power_of_two_parameters]


def test_shapes_of_scales():
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype(np.float32)
    assert choose_parameters(x).scale.shape == ()
    assert choose_parameters(x, axis=1).scale.shape == (1, 4, 1)
    assert choose_parameters(x, axis=-1).scale.shape == (1, 1, 6)
    assert choose_parameters(x, axis=(0, 2)).scale.shape == (3, 1, 6)
    assert choose_parameters(x, axis=2, group_size=2).scale.shape == (3, 4, 3, 1)


def test_groups_by_hand():
    x = [[1.1, 7.0], [2.0, 0.0], [30.0, 0.0], [4.0, 14.0]]
    parameters = choose_parameters(x, bits=4, symmetric=True, axis=0, group_size=2)
    np.testing.assert_allclose(
        parameters.scale[:, 0, :], np.array([[2, 7], [30, 14]]) / 7
    )
    # In steps of 2/7, 7/7, 30/7 and 14/7: 3.85, 7; 7, 0; 7, 0; 0.93, 7.
    expected = [[4, 7], [7, 0], [7, 0], [1, 7]]
    np.testing.assert_array_equal(quantize(x, parameters).integers, expected)


@pytest.mark.parametrize("build", BUILDERS)
class TestEveryFormat:
    def test_a_group_of_the_whole_axis_is_a_vector(self, build):
        x = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
        grouped = quantize(x, build(x, bits=4, axis=0, group_size=6))
        vectors = quantize(x, build(x, bits=4, axis=1))
        np.testing.assert_array_equal(grouped.integers, vectors.integers)

    def test_a_group_of_one_keeps_every_sign(self, build):
        x = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
        grouped = quantize(x, build(x, bits=4, axis=0, group_size=1))
        assert grouped.dequantize().shape == (6, 5)
        np.testing.assert_array_equal(np.sign(grouped.dequantize()), np.sign(x))

    @pytest.mark.parametrize("axis", [3, -4, (0, 3)])
    def test_axis_that_is_not_there(self, build, axis):
        with pytest.raises(ArgumentError, match=r"shape \(2, 3, 4\).*Received: axis="):
            build(np.ones((2, 3, 4), np.float32), bits=4, axis=axis)

    @pytest.mark.parametrize("axis", ["channels", 1.0, True, (0, "x")])
    def test_axis_of_another_kind(self, build, axis):
        with pytest.raises(ArgumentError, match="axis is a whole number"):
            build(np.ones((2, 3), np.float32), bits=4, axis=axis)

    def test_group_that_does_not_divide(self, build):
        with pytest.raises(ArgumentError, match="which is 6.*group_size=4"):
            build(np.ones((6, 2), np.float32), bits=4, axis=0, group_size=4)

    @pytest.mark.parametrize("size", [0, -1, 2.0, True])
    def test_group_size_outside(self, build, size):
        with pytest.raises(ArgumentError, match="group_size is a whole number"):
            build(np.ones((6, 2), np.float32), bits=4, axis=0, group_size=size)

    @pytest.mark.parametrize("axis", [None, (0, 1)])
    def test_groups_need_one_axis(self, build, axis):
        with pytest.raises(ArgumentError, match="Groups lie along one axis"):
            build(np.ones((6, 2), np.float32), bits=4, axis=axis, group_size=2)


def test_rows():
    x = np.arange(24.0).reshape(2, 3, 4)
    rows, shape = Granularity(axis=1).to_rows(x)
    assert shape == (1, 3, 1)
    np.testing.assert_array_equal(rows[1], [4, 5, 6, 7, 16, 17, 18, 19])
    rows, shape = Granularity().to_rows(x)
    assert (rows.shape, shape) == ((1, 24), ())
