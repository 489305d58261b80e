"""The few values that stand best for many: k-means on a line."""

from collections.abc import Callable

import numpy as np

from tfcompress.errors import ArgumentError

# Enough to choose where k-means starts.
_SAMPLES = 100_000
_MOST_ROUNDS = 300


def find_centroids(
    weights: np.ndarray, count: int, initialization: str = "kmeans++"
) -> np.ndarray:
    """Returns the values that stand best for the numbers of an array.

    Lloyd's k-means: each number belongs to the nearest value, each value becomes the
    mean of its numbers, until nothing changes. Lloyd, "Least Squares Quantization in
    PCM", 1982. The same array always gives the same values.

    Args:
        weights: Numbers, in any shape.
        count: How many values, 1 or more.
        initialization: Where k-means starts. `"kmeans++"`, the default: at numbers far
            from each other (Arthur and Vassilvitskii, 2007). `"linear"`: at equal
            distances from the least to the greatest number, which serves the few large
            ones (Han et al., "Deep Compression", 2016,
            https://arxiv.org/abs/1510.00149). `"density"`: at values with as many
            numbers between each two.

    Returns:
        The values in ascending order, in float64; fewer where the array holds fewer.

    Raises:
        ArgumentError: If there is no such initialization, or no number.

    Example:
    ```python
    import numpy as np
    from tfcompress.sharing import find_centroids

    values = find_centroids(np.array([0.0, 1.0, 9.0, 11.0]), 2)
    assert values.tolist() == [0.5, 10.0]
    ```
    """
    start = _STARTS[check_initialization(initialization)]
    numbers = np.sort(np.asarray(weights, np.float64), axis=None)
    if not numbers.size or count < 1:
        raise ArgumentError(
            "Centroids are those of one number or more. "
            f"Received: {numbers.size} numbers, count={count}"
        )
    distinct = np.unique(numbers)
    if distinct.size <= count:
        return distinct
    sums = np.concatenate([[0.0], np.cumsum(numbers)])
    centroids = np.sort(start(numbers, count))
    for _ in range(_MOST_ROUNDS):
        between = (centroids[1:] + centroids[:-1]) / 2
        ends = [0, *np.searchsorted(numbers, between), numbers.size]
        sizes = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(sizes, 1)
        # A value that no number is near to waits where it is.
        moved = np.sort(np.where(sizes > 0, means, centroids))
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


def check_initialization(name: object) -> str:
    """Returns the name of a place to start k-means from.

    Raises:
        ArgumentError: If there is none of this name.
    """
    if not isinstance(name, str) or name not in _STARTS:
        raise ArgumentError(
            f"initialization must be one of {[*_STARTS]}. "
            f"Received: initialization={name!r}"
        )
    return name


def _far_from_each_other(numbers: np.ndarray, count: int) -> np.ndarray:
    from sklearn.cluster import kmeans_plusplus

    step = -(-numbers.size // _SAMPLES)
    found, _ = kmeans_plusplus(numbers[::step, None], count, random_state=0)
    return np.asarray(found[:, 0])


def _at_equal_distances(numbers: np.ndarray, count: int) -> np.ndarray:
    return np.linspace(numbers[0], numbers[-1], count)


def _at_equal_shares(numbers: np.ndarray, count: int) -> np.ndarray:
    return np.asarray(np.quantile(numbers, (np.arange(count) + 0.5) / count))


_STARTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "kmeans++": _far_from_each_other,
    "linear": _at_equal_distances,
    "density": _at_equal_shares,
}
INITIALIZATIONS = tuple(_STARTS)
