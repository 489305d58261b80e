"""Which range to write a tensor in: the formulas.

Each gives the low and the high end, and holds 0.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfcompress.quantization.formats.bits import integer_limits
from tfcompress.quantization.formats.granularity import Granularity
from tfcompress.quantization.formats.linear import linear_parameters
from tfcompress.quantization.formats.rounding import round_nearest

Range = tuple[np.ndarray, np.ndarray]

_RATIOS = 2.0 ** (-np.arange(61) / 6)
_NEAR = 2.0 ** (-np.arange(-7, 8) / 48)
_TOGETHER = 2**19
_ROWS = Granularity(axis=0)


def widen(low: np.ndarray, high: np.ndarray, *, symmetric: bool) -> Range:
    """Returns the least range that holds another and 0, symmetric where asked.

    Args:
        low: The least values.
        high: The greatest values.
        symmetric: Whether both ends are to be equally far from 0.
    """
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    if symmetric:
        high = np.maximum(-low, high)
        low = -high
    return low, high


def find_min_max(rows: np.ndarray, *, symmetric: bool = False) -> Range:
    """Returns the range from the least to the greatest value of each row.

    Args:
        rows: Values of shape `(rows, values)`.
        symmetric: Whether both ends are to be equally far from 0.
    """
    return widen(rows.min(axis=1), rows.max(axis=1), symmetric=symmetric)


def find_percentile(
    rows: np.ndarray, percentile: float = 99.99, *, symmetric: bool = False
) -> Range:
    """Returns the range between two percentiles of each row.

    The ends are the `100 − percentile`th and the `percentile`th percentile, so that
    share is cut off on each side; symmetric, the `percentile`th of the sizes.

    Args:
        rows: Values of shape `(rows, values)`.
        percentile: Above 50, up to 100. Defaults to 99.99.
        symmetric: Whether both ends are to be equally far from 0.
    """
    if symmetric:
        high = np.percentile(np.abs(rows), percentile, axis=1)
        return widen(high, high, symmetric=True)
    low, high = np.percentile(rows, [100 - percentile, percentile], axis=1)
    return widen(low, high, symmetric=False)


def find_least_squares(
    points: np.ndarray,
    counts: np.ndarray | None = None,
    *,
    bits: int = 8,
    symmetric: bool = False,
) -> Range:
    """Returns the range with the least mean squared error of each row.

    Both ends are scaled together by 61 factors from 1 to 1 / 1024, then by 15 near the
    best of them; after that the low end alone, and the high end alone. Nagel et al., "A
    White Paper on Neural Network Quantization", 2021, section 3.1,
    https://arxiv.org/abs/2106.08295.

    Args:
        points: Values of shape `(rows, values)`.
        counts: How often each point occurs, of shape `(values,)`. Defaults to once.
        bits: From 2 to 8, or 16. Defaults to 8.
        symmetric: Whether the range is symmetric, and the integers narrow with it.
    """
    x = tf.convert_to_tensor(points, tf.float32)
    weights = None if counts is None else tf.convert_to_tensor(counts, tf.float32)

    together = max(1, _TOGETHER // max(1, points.size))

    def errors(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Takes ends of shape `(candidates, rows)` and returns as many errors."""
        found = []
        for start in range(0, len(low), together):
            part = slice(start, start + together)
            ends = (tf.cast(end[part, :, None], tf.float32) for end in (low, high))
            format_ = linear_parameters(*ends, bits=bits, symmetric=symmetric)
            squares = tf.square(format_.decode(format_.encode(x, round_nearest)) - x)
            if weights is not None:
                squares *= weights
            found.append(tf.reduce_sum(squares, axis=2).numpy())
        return np.concatenate(found)

    def fixed(end: np.ndarray, ratios: np.ndarray) -> np.ndarray:
        return np.broadcast_to(end, ratios.shape)

    low, high = find_min_max(points, symmetric=symmetric)
    both = _search(lambda ratios: errors(low * ratios, high * ratios), len(points))
    low, high = low * both, high * both
    if symmetric or not (low.any() and high.any()):
        return low, high
    low = low * _search(lambda r: errors(low * r, fixed(high, r)), len(points))
    high = high * _search(lambda r: errors(fixed(low, r), high * r), len(points))
    return low, high


def _search(error: Callable[[np.ndarray], np.ndarray], rows: int) -> np.ndarray:
    """Returns for each row the factor with the least error."""
    best = np.ones(rows)
    for factors in (_RATIOS, _NEAR):
        ratios = np.minimum(best * factors[:, None], 1)
        best = ratios[error(ratios).argmin(axis=0), np.arange(rows)]
    return best


def find_least_divergence(
    magnitudes: np.ndarray, low: float, high: float, *, width: float, bits: int = 8
) -> tuple[float, float]:
    """Returns the range that loses the least information, as TensorRT calibrates.

    For each threshold the distribution of the sizes, with all beyond the threshold put
    into its last bin, is compared with the same distribution on as many levels as the
    format has for it; the threshold with the least Kullback-Leibler divergence is
    taken, and the range is cut off there on both sides. Migacz, "8-bit Inference with
    TensorRT", 2017,
    https://on-demand.gputechconf.com/gtc/2017/presentation/s7310-8-bit-inference-with-tensorrt.pdf.

    Args:
        magnitudes: How many values have a size in each of many bins of one width from 0
            on. Values of exactly zero are best left out: every format holds them.
        low: The least value, at most 0.
        high: The greatest value, at least 0.
        width: Width of a bin.
        bits: From 2 to 8, or 16. Defaults to 8.
    """
    integers = integer_limits(bits)
    used = np.flatnonzero(magnitudes)
    ends = used[np.linspace(0, len(used) - 1, 256).round().astype(int)] + 1
    largest = max(-low, high)
    best, least = largest, np.inf
    for end in np.unique(ends)[::-1]:
        threshold = min(end * width, largest)
        below, above = max(low, -threshold), min(high, threshold)
        levels = round((integers[1] - integers[0] + 1) * threshold / (above - below))
        found = _divergence(magnitudes, int(end), levels)
        if found < least:
            best, least = threshold, found
    return max(low, -best), min(high, best)


def _divergence(counts: np.ndarray, end: int, levels: int) -> float:
    """Returns KL(P‖Q) of the first bins and of the same on fewer levels."""
    if end < levels:
        return np.inf
    inside = counts[:end].astype(float)
    reference = inside.copy()
    reference[-1] += counts[end:].sum()
    starts = np.arange(levels) * end // levels
    sums = np.add.reduceat(inside, starts)
    held = np.add.reduceat((inside > 0).astype(float), starts)
    means = np.repeat(sums / np.maximum(held, 1), np.diff([*starts, end]))
    some = reference > 0
    p = reference[some] / reference.sum()
    q = means[some] / inside.sum()
    return float(np.sum(p * np.log(p / q)))
