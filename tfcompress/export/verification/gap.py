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
    from tfcompress.export.verification.gap import measure_gap

    print(measure_gap(np.array([3.0, 4.5]), np.array([3.0, 4.0]), step=0.5))
    ```
    """
    running = RunningGap()
    running.add(found, expected)
    return running.gap(step)


class RunningGap:
    """The difference of arrays that come one after the other.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.verification.gap import RunningGap

    running = RunningGap()
    for number in range(3):
        running.add(np.array([number + 0.1]), np.array([number]))
    print(running.gap())
    ```
    """

    def __init__(self) -> None:
        self._count = 0
        self._signal = self._noise = self._absolute = 0.0
        self._largest = self._peak = 0.0

    def add(self, found: np.ndarray, expected: np.ndarray) -> None:
        """Takes in two arrays of the same shape."""
        signal = np.asarray(expected, np.float64)
        noise = np.asarray(found, np.float64) - signal
        self._count += noise.size
        self._signal += float(np.square(signal).sum())
        self._noise += float(np.square(noise).sum())
        self._absolute += float(np.abs(noise).sum())
        self._largest = max(self._largest, float(np.abs(noise).max(initial=0.0)))
        self._peak = max(self._peak, float(np.abs(signal).max(initial=0.0)))

    def gap(self, step: float | None = None) -> Gap:
        """Returns the difference of all that was taken in."""
        mean = self._absolute / max(self._count, 1)
        return Gap(
            largest_error=self._largest,
            mean_error=mean,
            relative_error=self._largest / max(self._peak, 1e-9),
            sqnr_db=decibels(self._signal, self._noise),
            steps=self._largest / step if step else None,
            mean_steps=mean / step if step else None,
        )


def decibels(signal: float, noise: float) -> float:
    """Returns the ratio of the powers of signal and noise, from -200 to 200 dB."""
    if not math.isfinite(noise):
        return -LARGEST_SQNR
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
