"""How often values occur, counted batch by batch, over a range that grows."""

import numpy as np

_BINS = 8192
_CHUNK = 2**18


class Histogram:
    """Counts values in bins of one width on both sides of zero.

    The first batch that is not all zero sets the width: its largest value lies in the
    last bin. When a later value is larger, the width doubles as often as needed and the
    counts of two neighbours are added, so that no count is ever guessed and zero stays
    between two bins.

    Attributes:
        low: The least value seen.
        high: The greatest value seen.
        zeros: How many values were exactly zero. They are counted in the first bin of
            the positive side too.
        width: Width of a bin, 0 while all values were zero.
        counts: How many values are in each bin, int64, of shape `(2 * 8192,)`: the
            negative side from its far end on, then the positive side.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    histogram = formats.Histogram()
    histogram.update(np.array([-1.0, 0.0, 2.0]))
    assert (histogram.low, histogram.high, histogram.zeros) == (-1, 2, 1)
    ```
    """

    def __init__(self) -> None:
        self.low = np.inf
        self.high = -np.inf
        self.zeros = 0
        self.width = 0.0
        self.counts = np.zeros(2 * _BINS, np.int64)

    @property
    def edges(self) -> np.ndarray:
        """Where the bins begin and end, one more than there are bins."""
        return np.arange(-_BINS, _BINS + 1) * self.width

    def update(self, values: np.ndarray) -> None:
        """Counts the values of a batch.

        Args:
            values: An array of finite floats, of any shape.
        """
        values = values.ravel()
        if not values.size:
            return
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        self._widen(max(-self.low, self.high))
        self.zeros += values.size - int(np.count_nonzero(values))
        for start in range(0, values.size, _CHUNK):
            chunk = values[start : start + _CHUNK].astype(np.float64)
            # Nothing is negative when it is cut to whole numbers, so that is a floor.
            places = (chunk / (self.width or 1.0) + _BINS).astype(np.int64)
            np.minimum(places, 2 * _BINS - 1, out=places)
            self.counts += np.bincount(places, minlength=2 * _BINS)

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the middles of the bins that hold values, and how many each holds.

        Values that are exactly zero are left out: every format holds them exactly.
        """
        counts = self.counts.copy()
        counts[_BINS] -= self.zeros
        held = np.flatnonzero(counts)
        middles = (held - _BINS + 0.5) * self.width
        return np.clip(middles, self.low, self.high), counts[held]

    def percentile(self, percentile: float) -> float:
        """Returns the value below which a share of the values lies, in percent."""
        found = _percentile(self.counts, self.edges, percentile)
        return min(max(found, self.low), self.high)

    def magnitude_percentile(self, percentile: float) -> float:
        """Returns the size below which a share of the values lies, in percent."""
        found = _percentile(self.magnitudes(), self.edges[_BINS:], percentile)
        return min(found, max(-self.low, self.high))

    def magnitudes(self) -> np.ndarray:
        """Returns the counts by size: those of a bin and of its mirror image added.

        Values that are exactly zero are counted in the first bin.
        """
        return self.counts[_BINS:] + self.counts[_BINS - 1 :: -1]

    def _widen(self, largest: float) -> None:
        if not self.width:
            self.width = largest / _BINS
        while largest > self.width * _BINS * (1 + 1e-9):
            self.width *= 2
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts[:] = 0
            self.counts[_BINS // 2 : _BINS // 2 + _BINS] = merged


def _percentile(counts: np.ndarray, edges: np.ndarray, percentile: float) -> float:
    below = np.concatenate([[0], np.cumsum(counts)])
    return float(np.interp(percentile / 100 * below[-1], below, edges))
