"""The range of a tensor, found while its values pass by batch after batch."""

import abc
from typing import Any, final

import numpy as np

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import ranges
from tfcompress.quantization.formats.bits import check_bits, check_name
from tfcompress.quantization.formats.histogram import Histogram
from tfcompress.quantization.formats.values import read_finite

_MAGNITUDE_BINS = 2048


class Observer(abc.ABC):
    """Watches the batches of one tensor and says which range they are best written in.

    The range holds 0 always: asymmetric it goes from at most 0 to at least 0, symmetric
    both ends are equally far from it. When all values were 0 it is `(0.0, 0.0)`.

    Args:
        bits: How many bits the tensor will have: 2 to 8, or 16. Only the methods that
            weigh errors look at it. Defaults to 8.
        symmetric: Whether the range is symmetric. Defaults to False.
    """

    def __init__(self, *, bits: int = 8, symmetric: bool = False):
        check_bits(bits)
        self.bits = bits
        self.symmetric = symmetric
        self._has_seen = False

    @final
    def update(self, values: Any) -> None:
        """Takes in a batch.

        Args:
            values: Numbers in an array or tensor of any shape; an empty one counts for
                nothing.

        Raises:
            DataError: If a value is NaN, infinite, or no number.
        """
        array = read_finite(values)
        if array.size:
            self._update(array)
            self._has_seen = True

    @final
    def range(self) -> tuple[float, float]:
        """Returns the low and the high end of the range.

        Raises:
            DataError: If no value was seen.
        """
        if not self._has_seen:
            raise DataError(
                "A range needs one value at least; call update first. "
                "Received: no values"
            )
        ends = (np.asarray(end) for end in self._range())
        low, high = ranges.widen(*ends, symmetric=self.symmetric)
        return float(low) + 0.0, float(high)

    @abc.abstractmethod
    def _update(self, values: np.ndarray) -> None:
        """Takes in finite float32 values, one at least."""

    @abc.abstractmethod
    def _range(self) -> tuple[float, float]:
        """Returns the ends; they need not hold 0."""


@final
class MinMaxObserver(Observer):
    """From the least to the greatest value of all batches."""

    def __init__(self, *, bits: int = 8, symmetric: bool = False):
        super().__init__(bits=bits, symmetric=symmetric)
        self._low, self._high = np.inf, -np.inf

    def _update(self, values: np.ndarray) -> None:
        self._low = min(self._low, float(values.min()))
        self._high = max(self._high, float(values.max()))

    def _range(self) -> tuple[float, float]:
        return self._low, self._high


@final
class MovingAverageObserver(Observer):
    """From the average least to the average greatest value, recent batches most.

    The first batch sets both ends; each later one moves them by `1 − momentum` of the
    way. Jacob et al., 2018, https://arxiv.org/abs/1712.05877, section 3.1.

    Args:
        bits: See `Observer`.
        symmetric: See `Observer`.
        momentum: How much of the ends so far stays at each batch, from 0 up to 1.
            Defaults to 0.9, which suits tens of batches.
    """

    def __init__(
        self, *, bits: int = 8, symmetric: bool = False, momentum: float = 0.9
    ):
        super().__init__(bits=bits, symmetric=symmetric)
        if not 0 <= momentum < 1:
            raise ArgumentError(
                f"momentum is from 0 up to 1, without 1. Received: momentum={momentum}"
            )
        self.momentum = momentum
        self._ends: np.ndarray | None = None

    def _update(self, values: np.ndarray) -> None:
        ends = np.array([values.min(), values.max()], np.float64)
        if self._ends is not None:
            ends = self.momentum * self._ends + (1 - self.momentum) * ends
        self._ends = ends

    def _range(self) -> tuple[float, float]:
        assert self._ends is not None
        return float(self._ends[0]), float(self._ends[1])


class HistogramObserver(Observer):
    """Counts the values of all batches in a histogram that grows with their range.

    See `Histogram`: at least 4096 bins on the side of the value that is farthest
    from 0.
    """

    def __init__(self, *, bits: int = 8, symmetric: bool = False):
        super().__init__(bits=bits, symmetric=symmetric)
        self.histogram = Histogram()

    @final
    def _update(self, values: np.ndarray) -> None:
        self.histogram.update(values)

    @final
    def _range(self) -> tuple[float, float]:
        histogram = self.histogram
        return self._choose(histogram) if histogram.width else (0.0, 0.0)

    @abc.abstractmethod
    def _choose(self, histogram: Histogram) -> tuple[float, float]:
        """Returns the ends for a histogram of values that are not all 0."""


@final
class PercentileObserver(HistogramObserver):
    """Leaves out the few values that are farthest out on each side.

    The ends are the `100 − percentile`th and the `percentile`th percentile of all
    values, exact to the width of a bin; symmetric, the `percentile`th of their sizes.

    Args:
        bits: See `Observer`.
        symmetric: See `Observer`.
        percentile: Above 50, up to 100, which is min-max. Defaults to 99.99: one value
            of ten thousand is cut off on each side.
    """

    def __init__(
        self, *, bits: int = 8, symmetric: bool = False, percentile: float = 99.99
    ):
        super().__init__(bits=bits, symmetric=symmetric)
        if not 50 < percentile <= 100:
            raise ArgumentError(
                "percentile is above 50 and at most 100. "
                f"Received: percentile={percentile}"
            )
        self.percentile = percentile

    def _choose(self, histogram: Histogram) -> tuple[float, float]:
        if self.symmetric:
            high = histogram.magnitude_percentile(self.percentile)
            return -high, high
        return (
            histogram.percentile(100 - self.percentile),
            histogram.percentile(self.percentile),
        )


@final
class MeanSquaredErrorObserver(HistogramObserver):
    """The range whose rounding and cutting off together have the least squared error.

    See `ranges.find_least_squares`.
    """

    def _choose(self, histogram: Histogram) -> tuple[float, float]:
        points, counts = histogram.points()
        low, high = ranges.find_least_squares(
            points[None], counts, bits=self.bits, symmetric=self.symmetric
        )
        return float(low[0]), float(high[0])


@final
class DivergenceObserver(HistogramObserver):
    """The range that changes the distribution of the values least, as in TensorRT.

    See `ranges.find_least_divergence`. The bins of the histogram are joined to 2048 or
    up to twice as many.
    """

    def _choose(self, histogram: Histogram) -> tuple[float, float]:
        low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
        if self.symmetric:
            high = max(-low, high)
            low = -high
        magnitudes = histogram.magnitudes()
        magnitudes[0] -= histogram.zeros
        used = int(np.flatnonzero(magnitudes)[-1]) + 1
        joined = max(1, used // _MAGNITUDE_BINS)
        magnitudes = np.pad(magnitudes[:used], (0, -used % joined))
        return ranges.find_least_divergence(
            magnitudes.reshape(-1, joined).sum(axis=1),
            low,
            high,
            width=histogram.width * joined,
            bits=self.bits,
        )


_OBSERVERS: dict[str, type[Observer]] = {
    "min_max": MinMaxObserver,
    "moving_average": MovingAverageObserver,
    "percentile": PercentileObserver,
    "mse": MeanSquaredErrorObserver,
    "kl": DivergenceObserver,
}

METHODS = tuple(_OBSERVERS)


def build_observer(
    method: str, *, bits: int = 8, symmetric: bool = False, **options: Any
) -> Observer:
    """Returns an observer of one tensor.

    Args:
        method: How the range is chosen, one of `METHODS`: `"min_max"`;
            `"moving_average"` of the ends of each batch, momentum 0.9; `"percentile"`,
            99.99 on each side; `"mse"`, the least mean squared error; `"kl"`, the least
            Kullback-Leibler divergence.
        bits: How many bits the tensor will have: 2 to 8, or 16. Defaults to 8.
        symmetric: Whether the range is symmetric. Defaults to False.
        **options: `momentum` of `"moving_average"`, `percentile` of `"percentile"`.

    Returns:
        An observer that has seen nothing yet.

    Raises:
        ArgumentError: If the method is unknown, with the nearest names, or another
            argument is outside what is allowed.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    observer = formats.build_observer("min_max")
    observer.update(np.array([0.5, 2.0]))
    observer.update(np.array([-1.0, 1.0]))
    assert observer.range() == (-1.0, 2.0)
    ```
    """
    check_name("method", method, METHODS)
    try:
        return _OBSERVERS[method](bits=bits, symmetric=symmetric, **options)
    except TypeError as error:
        raise ArgumentError(
            f"The method {method!r} has no such option. Received: {options}"
        ) from error
