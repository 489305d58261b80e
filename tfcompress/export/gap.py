"""How far numbers are from those that they should be."""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

# What stands for a signal without noise, and its negative for noise without a signal:
# JSON has no infinity.
LARGEST_SQNR = 200.0


@dataclasses.dataclass(frozen=True)
class Gap:
    """The difference of two arrays: one as it should be, one as it was found.

    Attributes:
        largest_error: The largest absolute difference.
        mean_error: The mean absolute difference.
        relative_error: `largest_error`, as a share of the largest absolute number that
            was expected.
        sqnr_db: The ratio of signal to quantization noise, in decibels: ten times the
            decimal logarithm of the sum of squares of what was expected, over that of
            the differences. 20 more is a tenth of the noise; at 0 the noise is as
            large as the signal. From -200 to 200, which stands for no difference.
        steps: `largest_error` in steps of a quantized tensor, None for one in float.
        mean_steps: `mean_error` in such steps, or None.
    """

    largest_error: float
    mean_error: float
    relative_error: float
    sqnr_db: float
    steps: float | None = None
    mean_steps: float | None = None


def measure_gap(
    found: np.ndarray, expected: np.ndarray, *, step: float | None = None
) -> Gap:
    """Measures the difference of two arrays of finite numbers.

    Args:
        found: An array.
        expected: What it should be; an array of the same shape.
        step: The real size of one step, where `found` is quantized.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.gap import measure_gap

    print(measure_gap(np.array([3.0, 4.5]), np.array([3.0, 4.0]), step=0.5))
    ```
    """
    signal = np.asarray(expected, np.float64)
    noise = np.asarray(found, np.float64) - signal
    largest, mean = float(np.abs(noise).max()), float(np.abs(noise).mean())
    return Gap(
        largest_error=largest,
        mean_error=mean,
        relative_error=largest / max(float(np.abs(signal).max()), 1e-9),
        sqnr_db=decibels(float(np.square(signal).sum()), float(np.square(noise).sum())),
        steps=largest / step if step else None,
        mean_steps=mean / step if step else None,
    )


def decibels(signal: float, noise: float) -> float:
    """Returns the ratio of the powers of signal and noise, from -200 to 200 dB."""
    if not noise:
        return LARGEST_SQNR
    ratio = 10.0 * (math.log10(max(signal, 1e-300)) - math.log10(noise))
    return min(max(ratio, -LARGEST_SQNR), LARGEST_SQNR)


def worst(gaps: Iterable[Gap]) -> Gap:
    """Returns the worst of each number, for several arrays.

    Args:
        gaps: Those of each array; one at the least.
    """
    gaps = list(gaps)
    steps = [gap for gap in gaps if gap.steps is not None]
    return Gap(
        largest_error=max(gap.largest_error for gap in gaps),
        mean_error=max(gap.mean_error for gap in gaps),
        relative_error=max(gap.relative_error for gap in gaps),
        sqnr_db=min(gap.sqnr_db for gap in gaps),
        steps=max((gap.steps or 0.0 for gap in steps), default=None),
        mean_steps=max((gap.mean_steps or 0.0 for gap in steps), default=None),
    )
