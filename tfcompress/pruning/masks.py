"""Which weights stay: one pure function on arrays for each criterion.

A mask is a boolean array of the shape of its weight, true where the weight stays. A
weight that a mask holds at zero counts as the smallest, so that masks only grow.
"""

from collections.abc import Sequence

import numpy as np


def count_zeros(size: int, sparsity: float) -> int:
    """Returns how many of some weights become zero: not all of them.

    Args:
        size: How many weights there are.
        sparsity: Share that becomes zero, from 0 up to 1.
    """
    return min(round(size * sparsity), size - 1)


def mask_smallest(
    weights: Sequence[np.ndarray], masks: Sequence[np.ndarray], sparsity: float
) -> list[np.ndarray]:
    """Masks the weights nearest to zero, with one threshold over all arrays.

    Each array keeps its largest weight. Where weights are alike, any of them go.

    Args:
        weights: Arrays of any shapes: one, or those that are pruned together.
        masks: The mask that each has so far.
        sparsity: Share of zeros that they shall have together.

    Returns:
        New masks with `count_zeros` zeros together; the given ones where they have as
        many already.
    """
    zeros = count_zeros(sum(mask.size for mask in masks), sparsity)
    if zeros <= sum(int((~mask).sum()) for mask in masks):
        return list(masks)
    scores = [_scores(np.abs(w), m) for w, m in zip(weights, masks, strict=True)]
    together = np.concatenate(scores)
    stays = np.ones(together.size, bool)
    stays[np.argpartition(together, zeros - 1)[:zeros]] = False
    return _split(stays, masks)


def mask_blocks(
    matrices: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    sparsity: float,
    block: tuple[int, int],
) -> list[np.ndarray]:
    """Masks the blocks whose weights are nearest to zero on average.

    The matrices are cut into blocks from their first row and column on; those at the
    far ends may be smaller. Each matrix keeps its largest block.

    Args:
        matrices: Arrays of rank 2: one, or those that are pruned together.
        masks: The mask that each has so far, of whole blocks.
        sparsity: Share of zeros that they shall have together.
        block: Height and width of a block.

    Returns:
        New masks with the number of zeros that is nearest to `count_zeros` in whole
        blocks; the given ones where they have as many already.
    """
    means = [_pool(np.abs(m), block) for m in matrices]
    stays = [_pool(mask, block) > 0 for mask in masks]
    sizes = np.concatenate([_pool_sizes(m.shape, block).ravel() for m in masks])
    scores = np.concatenate([_scores(m, s) for m, s in zip(means, stays, strict=True)])
    order = np.argsort(scores, kind="stable")
    zeros = np.concatenate([[0], np.cumsum(sizes[order])])
    asked = count_zeros(int(sizes.sum()), sparsity)
    blocks = int(np.abs(zeros[: len(order)] - asked).argmin())
    if zeros[blocks] <= sum(int((~mask).sum()) for mask in masks):
        return list(masks)
    chosen = np.ones(order.size, bool)
    chosen[order[:blocks]] = False
    return [
        np.kron(part, np.ones(block, bool))[: mask.shape[0], : mask.shape[1]]
        for part, mask in zip(_split(chosen, means), masks, strict=True)
    ]


def mask_n_of_m(rows: np.ndarray, mask: np.ndarray, n: int, m: int) -> np.ndarray:
    """Masks the `n` weights nearest to zero of every `m` that follow one another.

    Args:
        rows: An array of shape `(rows, columns)`, where `m` divides the columns.
        mask: The mask that it has so far.
        n: How many zeros there shall be in every group, less than `m`.
        m: How many weights are a group.

    Returns:
        A mask with `n` zeros in every group, or the given one where it has as many.
    """
    groups = mask.reshape(-1, m)
    if n <= int((~groups).sum(axis=1).min()):
        return mask
    scores = np.where(groups, np.abs(rows.reshape(-1, m)), -1)
    stays = np.ones(groups.shape, bool)
    np.put_along_axis(stays, np.argsort(scores, axis=1, kind="stable")[:, :n], False, 1)
    return stays.reshape(mask.shape)


def mask_below(weights: np.ndarray, mask: np.ndarray, threshold: float) -> np.ndarray:
    """Masks the weights whose size is below a threshold.

    Args:
        weights: An array of any shape.
        mask: The mask that it has so far.
        threshold: Weights of this size or more stay.
    """
    return mask & (np.abs(weights) >= threshold)


def _scores(sizes: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """Returns how much each counts: what is zero already least, the largest most."""
    scores = np.where(stays, sizes, -1).ravel()
    scores[scores.argmax()] = np.inf
    return scores


def _split(flat: np.ndarray, like: Sequence[np.ndarray]) -> list[np.ndarray]:
    ends = np.cumsum([array.size for array in like])[:-1]
    parts = np.split(flat, ends)
    return [part.reshape(a.shape) for part, a in zip(parts, like, strict=True)]


def _pool(matrix: np.ndarray, block: tuple[int, int]) -> np.ndarray:
    """Returns the mean over each block."""
    sums = matrix.astype(np.float64)
    for axis, size in enumerate(block):
        starts = np.arange(0, matrix.shape[axis], size)
        sums = np.add.reduceat(sums, starts, axis=axis)
    return sums / _pool_sizes(matrix.shape, block)


def _pool_sizes(shape: tuple[int, ...], block: tuple[int, int]) -> np.ndarray:
    """Returns how many weights each block has."""
    height, width = (
        np.diff([*range(0, length, size), length])
        for length, size in zip(shape, block, strict=True)
    )
    return np.outer(height, width)
