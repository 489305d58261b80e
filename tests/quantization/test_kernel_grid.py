"""The grid of a kernel, by numbers worked out by hand."""

import numpy as np
import pytest

from tfcompress.errors import ArgumentError
from tfcompress.quantization.kernel_grid import grid_scale, output_axes, round_kernel


@pytest.mark.parametrize(
    ("kind", "rank", "axes"),
    [
        ("Conv1D", 3, (2,)),
        ("Conv2D", 4, (3,)),
        ("Conv3D", 5, (4,)),
        ("Conv1DTranspose", 3, (1,)),
        ("Conv2DTranspose", 4, (2,)),
        ("Conv3DTranspose", 5, (3,)),
        ("DepthwiseConv1D", 3, (1, 2)),
        ("DepthwiseConv2D", 4, (2, 3)),
        ("Dense", 2, (1,)),
        ("EinsumDense", 2, (1,)),
        ("EinsumDense", 3, ()),
        ("Embedding", 2, ()),
        ("LSTM", 2, ()),
    ],
)
def test_output_axes(kind, rank, axes):
    assert output_axes(kind, rank) == axes


def test_scale_of_each_output():
    kernel = np.array([[[[0.0, 14.0, -1.0]]], [[[0.0, -7.0, 0.5]]]])
    scale = grid_scale(kernel, 4, (3,))
    assert scale.shape == (1, 1, 1, 3)
    assert scale.ravel().tolist() == [1.0, 2.0, 1.0 / 7.0]


def test_one_scale_for_the_whole_kernel():
    kernel = np.array([[1.0, -254.0], [3.0, 4.0]])
    assert grid_scale(kernel, 8, ()).tolist() == [[2.0]]


def test_nearest_value_of_the_grid():
    kernel = np.array([[3.0, 0.2], [1.4, 0.3], [-1.6, -0.9]], np.float32)
    rounded = round_kernel(kernel, 3, (1,))  # Scales 1 and 0.3.
    np.testing.assert_allclose(
        rounded, [[3.0, 0.3], [1.0, 0.3], [-2.0, -0.9]], rtol=1e-6
    )
    assert rounded.dtype == np.float32


def test_two_bits_are_three_values():
    kernel = np.array([[0.4], [-0.6], [1.0]])
    assert round_kernel(kernel, 2, (1,)).ravel().tolist() == [0.0, -1.0, 1.0]


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_what_is_rounded_stays_as_it_is(bits):
    random = np.random.default_rng(0)
    kernel = random.normal(size=(3, 3, 4, 2)).astype(np.float32)
    once = round_kernel(kernel, bits, (2, 3))
    np.testing.assert_array_equal(round_kernel(once, bits, (2, 3)), once)


@pytest.mark.parametrize("bits", [1, 9, 0, -4, 4.0, True, "8", None])
def test_bits_that_are_refused(bits):
    with pytest.raises(ArgumentError, match="bits must be a whole number from 2 to 8"):
        round_kernel(np.ones((2, 2)), bits, (1,))
