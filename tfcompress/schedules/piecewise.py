"""One value after the other."""

import bisect
import itertools
from collections.abc import Sequence
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.finite import read_finite
from tfcompress.schedules.schedule import Schedule


class Piecewise(Schedule):
    """One value after the other.

    Args:
        boundaries: Shares of the training at which the next value begins, rising,
            within 0 and 1.
        values: The values, one more than there are boundaries.

    Raises:
        ArgumentError: If the boundaries do not rise within 0 and 1, the values are not
            one more, or one is not a finite number.

    Example:
    ```python
    from tfcompress.schedules import Piecewise

    temperature = Piecewise([0.5, 0.8], [8.0, 4.0, 1.0])
    temperature(0.6)  # 4.0
    ```
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]):
        edges = [0.0, *boundaries, 1.0]
        if not all(first < second for first, second in itertools.pairwise(edges)):
            raise ArgumentError(
                "boundaries are shares of the training that rise from above 0 to below "
                f"1. Received: boundaries={list(boundaries)}"
            )
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(
                "values must be one more than boundaries, the first from the start of "
                f"the training on. Received: values={list(values)} for "
                f"boundaries={list(boundaries)}"
            )
        self.boundaries = [float(boundary) for boundary in boundaries]
        self.values = [read_finite(value, "values") for value in values]

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a share of the training, 0 to 1, is done."""
        return self.values[bisect.bisect_right(self.boundaries, progress)]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"boundaries": self.boundaries, "values": self.values}
