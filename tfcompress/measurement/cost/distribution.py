"""How many values weights have, and how evenly they have them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Distribution:
    """The values of the numbers in one tensor.

    Attributes:
        size: Numbers in it.
        unique_values: Different values among them.
        entropy_bits: Shannon entropy of the values, in bits for each number: what an
            ideal compressor of single numbers needs.
    """

    size: int
    unique_values: int
    entropy_bits: float


def distribution(values: np.ndarray, *, left_out: int = 0) -> Distribution:
    """Counts the values of an array.

    Args:
        values: Numbers, of any shape.
        left_out: Further numbers that are all of one value not in `values`, such as
            the zeros that sparse encoding leaves out.

    Returns:
        The `Distribution`.

    Example:
    ```python
    import numpy as np
    from tfcompress.measurement.cost.distribution import distribution

    distribution(np.array([0.0, 0.0, 1.0, 2.0])).entropy_bits  # 1.5
    ```
    """
    _, counts = np.unique(values, return_counts=True)
    counts = np.concatenate([counts, [left_out]])
    counts = counts[counts > 0]
    return Distribution(int(counts.sum()), len(counts), entropy(counts))


def entropy(counts: np.ndarray) -> float:
    """Computes the Shannon entropy of values that occur so many times.

    Args:
        counts: How often each value occurs, above 0.

    Returns:
        Bits for each occurrence: the sum of `-p * log2(p)`, 0 where there is none.

    Source: C. E. Shannon, A Mathematical Theory of Communication, 1948,
    https://doi.org/10.1002/j.1538-7305.1948.tb01338.x
    """
    shares = counts / max(counts.sum(), 1)
    return float(np.sum(shares * np.log2(1.0 / shares)))


def join(parts: list[Distribution]) -> Distribution:
    """Sums up tensors that are stored one by one.

    Args:
        parts: Their distributions.

    Returns:
        Numbers of all, the most values that one of them has, and the mean of their
        entropies, each weighted with its numbers.
    """
    size = sum(part.size for part in parts)
    bits = sum(part.size * part.entropy_bits for part in parts)
    return Distribution(
        size=size,
        unique_values=max((part.unique_values for part in parts), default=0),
        entropy_bits=bits / size if size else 0.0,
    )
