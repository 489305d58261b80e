import itertools

import numpy as np
import pytest

from tfcompress.pruning.masks import (
    count_zeros,
    mask_below,
    mask_blocks,
    mask_n_of_m,
    mask_smallest,
)


def ones(*shapes):
    return [np.ones(shape, bool) for shape in shapes]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_kernel_worked_out_by_hand():
    kernel = np.array([[0.1, -0.9, 0.3, -0.2], [0.8, -0.05, 0.0, 0.4]])
    (mask,) = mask_smallest([kernel], ones((2, 4)), 0.5)
    # Nearest to zero: 0.0, 0.05, 0.1, 0.2.
    np.testing.assert_array_equal(mask, [[0, 1, 1, 0], [1, 0, 0, 1]])


@pytest.mark.parametrize(
    ("size", "sparsity", "zeros"),
    [(10, 0.0, 0), (10, 0.44, 4), (10, 0.99, 9), (1, 0.9, 0), (800, 0.8, 640)],
)
def test_number_of_zeros(size, sparsity, zeros):
    assert count_zeros(size, sparsity) == zeros


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.83, 0.99])
def test_local_mask_is_the_head_of_a_sorted_kernel(sparsity):
    kernel = normal(3, 3, 4, 5)
    (mask,) = mask_smallest([kernel], ones(kernel.shape), sparsity)
    order = np.argsort(np.abs(kernel).ravel())
    expected = np.ones(kernel.size, bool)
    expected[order[: round(sparsity * kernel.size)]] = False
    np.testing.assert_array_equal(mask.ravel(), expected)


@pytest.mark.parametrize(
    "kernel",
    [
        np.ones((6, 7)),
        np.zeros((6, 7)),
        np.repeat([0.5, -0.5, 0.1], 14).reshape(6, 7),
        np.concatenate([np.zeros(30), np.ones(12)]).reshape(6, 7),
    ],
    ids=["alike", "zero", "ties", "sparse already"],
)
@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
def test_zeros_are_counted_where_weights_are_alike(kernel, sparsity):
    (mask,) = mask_smallest([kernel], ones(kernel.shape), sparsity)
    assert int((~mask).sum()) == round(42 * sparsity)
    assert np.abs(kernel[mask]).min() >= np.abs(kernel[~mask]).max()


def test_global_masks_are_those_of_the_kernels_sorted_together():
    kernels = [normal(4, 6), 3 * normal(3, 3, 2, 5, seed=1), 2 * normal(7, seed=2)]
    masks = mask_smallest(kernels, ones(*(k.shape for k in kernels)), 0.4)
    sizes = np.sort(np.concatenate([np.abs(k).ravel() for k in kernels]))
    zeros = round(0.4 * sizes.size)
    threshold = (sizes[zeros - 1] + sizes[zeros]) / 2
    for kernel, mask in zip(kernels, masks, strict=True):
        np.testing.assert_array_equal(mask, np.abs(kernel) > threshold)
    assert sum(int((~mask).sum()) for mask in masks) == zeros


def test_global_masks_leave_each_kernel_a_weight():
    kernels = [np.array([1e-6, 2e-6]), np.arange(1.0, 9.0)]
    masks = mask_smallest(kernels, ones((2,), (8,)), 0.5)
    np.testing.assert_array_equal(masks[0], [False, True])
    np.testing.assert_array_equal(masks[1], [False] * 4 + [True] * 4)


def test_masks_only_grow():
    kernel = normal(20)
    (first,) = mask_smallest([kernel], ones((20,)), 0.3)
    again = np.where(first, kernel, 99)  # As if a weight had been revived.
    (second,) = mask_smallest([again], [first], 0.6)
    assert not (second & ~first).any()
    assert int((~second).sum()) == 12
    (third,) = mask_smallest([normal(20, seed=1)], [second], 0.4)
    assert third is second


def test_blocks_worked_out_by_hand():
    matrix = np.array([[1.0, -5], [-1, 0], [3, 2], [3, -2], [2, 0.5]])
    # Means of the blocks of two rows and one column: 1, 3, 2 and 2.5, 2, 0.5.
    (mask,) = mask_blocks([matrix], ones((5, 2)), 0.5, (2, 1))
    np.testing.assert_array_equal(mask, [[0, 1], [0, 1], [1, 0], [1, 0], [1, 0]])


@pytest.mark.parametrize("block", [(4, 1), (1, 4), (2, 3)])
@pytest.mark.parametrize("shape", [(16, 12), (10, 7)])
def test_blocks_by_brute_force(block, shape):
    matrix = normal(*shape)
    (mask,) = mask_blocks([matrix], ones(shape), 0.6, block)
    starts = itertools.product(
        *(range(0, n, b) for n, b in zip(shape, block, strict=True))
    )
    kept, dropped = [], []
    for row, column in starts:
        here = np.s_[row : row + block[0], column : column + block[1]]
        assert mask[here].all() or not mask[here].any()
        (kept if mask[here].all() else dropped).append(np.abs(matrix[here]).mean())
    assert max(dropped) < min(kept)
    asked = 0.6 * matrix.size
    assert abs(int((~mask).sum()) - asked) <= np.prod(block) / 2


def test_block_masks_only_grow():
    matrix = normal(8, 4)
    (first,) = mask_blocks([matrix], ones((8, 4)), 0.25, (4, 1))
    (second,) = mask_blocks([np.where(first, matrix, 9)], [first], 0.75, (4, 1))
    assert not (second & ~first).any()
    assert int((~second).sum()) == 24


def test_two_of_four_worked_out_by_hand():
    rows = np.array([[0.1, -0.9, 0.3, -0.2], [0.8, -0.05, 0.0, 0.4]])
    mask = mask_n_of_m(rows, np.ones((2, 4), bool), 2, 4)
    np.testing.assert_array_equal(mask, [[0, 1, 1, 0], [1, 0, 0, 1]])


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (3, 4), (1, 2), (4, 8)])
def test_n_of_m_by_brute_force(n, m):
    rows = normal(5, 3 * m)
    mask = mask_n_of_m(rows, np.ones(rows.shape, bool), n, m)
    for row, start in itertools.product(range(5), range(0, 3 * m, m)):
        group = np.abs(rows[row, start : start + m])
        choices = itertools.combinations(range(m), m - n)
        best = max(choices, key=lambda c: group[[*c]].sum())
        assert set(np.flatnonzero(mask[row, start : start + m])) == set(best)


def test_n_of_m_with_ties_and_zeros():
    mask = mask_n_of_m(np.zeros((3, 8)), np.ones((3, 8), bool), 2, 4)
    np.testing.assert_array_equal((~mask).reshape(-1, 4).sum(axis=1), [2] * 6)


def test_n_of_m_masks_only_grow():
    rows = normal(2, 8)
    first = mask_n_of_m(rows, np.ones((2, 8), bool), 1, 4)
    second = mask_n_of_m(np.where(first, rows, 9), first, 2, 4)
    assert not (second & ~first).any()


def test_threshold():
    weights = np.array([0.1, -0.2, 0.3, -0.05, 9.0])
    mask = mask_below(weights, np.array([1, 1, 1, 1, 0], bool), 0.2)
    np.testing.assert_array_equal(mask, [False, True, True, False, False])
