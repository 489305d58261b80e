"""Whole numbers of 8 bits that were made from numbers of fewer bits."""

import numpy as np

# The largest int8 number of each channel of a kernel.
INT8_STEPS = 127


def find_steps(channels: np.ndarray, most: int) -> np.ndarray | None:
    """Finds the coarse grid on which each channel of an int8 kernel lies.

    A kernel that was rounded to `steps` steps on each side of 0, and then stored in
    int8, holds the numbers `round(step * 127 / steps)` and no others.

    Args:
        channels: int8 numbers of shape `(channels, weights of a channel)`.
        most: The most steps on one side to look for, from 1 to 63: `2**(bits-1) - 1`.

    Returns:
        For each channel the fewest steps on one side of 0 that its numbers can be told
        apart with, an int array of shape `(channels,)`. None where a channel has
        numbers between the steps.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.few_bits.weight_grid import find_steps

    channels = np.array([[127, 0, -127], [127, 18, -54]], np.int8)
    assert find_steps(channels, most=7).tolist() == [1, 7]
    assert find_steps(channels, most=3) is None
    ```
    """
    sizes = np.abs(channels.astype(np.int64))
    if not sizes.size or sizes.max() > INT8_STEPS:
        return None
    present = np.zeros((len(sizes), INT8_STEPS + 1), bool)
    present[np.arange(len(sizes))[:, None], sizes] = True
    found = np.zeros(len(sizes), np.int64)
    for steps in range(most, 0, -1):
        between = ~_on_grid(steps)
        found[~(present & between).any(axis=1)] = steps
    return found if found.all() else None


def _on_grid(steps: int) -> np.ndarray:
    """Says of the int8 numbers from 0 to 127 which of them stand for a step."""
    exact = np.arange(steps + 1) * (INT8_STEPS / steps)
    on_grid = np.zeros(INT8_STEPS + 1, bool)
    # Half a step goes either way, as the last bit of a float32 scale decides.
    for shift in (-1e-6, 1e-6):
        on_grid[np.rint(exact + shift).astype(int)] = True
    return on_grid


def on_steps(channels: np.ndarray, steps: np.ndarray, most: int) -> np.ndarray:
    """Returns the numbers of a kernel as multiples of their steps.

    Args:
        channels: int8 numbers of shape `(channels, weights of a channel)`.
        steps: What `find_steps` returned for them.
        most: The largest number that can be stored: 7 for int4, 127 for int8.

    Returns:
        int8 numbers of the same shape, from `-most` to `most`. A channel with few steps
        has the largest multiples that fit, so that the bias, whose unit is that of the
        weights, is stored as finely as it can be.
    """
    counts = np.rint(channels * (steps / INT8_STEPS)[:, None])
    return (counts * (most // steps)[:, None]).astype(np.int8)


def growth(steps: np.ndarray, most: int) -> np.ndarray:
    """Returns by what the scale of each channel grows: the counterpart of `on_steps`.

    Args:
        steps: What `find_steps` returned.
        most: The largest number that can be stored.

    Returns:
        Factors of shape `(channels,)`.
    """
    factors: np.ndarray = INT8_STEPS / (steps * (most // steps))
    return factors
