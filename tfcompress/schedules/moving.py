"""What moves from one value to another."""

import abc
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.finite import read_finite
from tfcompress.schedules.schedule import Schedule


class Moving(Schedule):
    """Moves from a start to an end value and then holds it; subclasses say how.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.

    Raises:
        ArgumentError: If a value is not a finite number, or `begin` and `finish` are
            not in order within 0 and 1.
    """

    def __init__(
        self, start: float, end: float, *, begin: float = 0.0, finish: float = 1.0
    ):
        if not 0 <= begin <= finish <= 1:
            raise ArgumentError(
                "begin and finish are shares of the training, in order, from 0 to 1. "
                f"Received: begin={begin}, finish={finish}"
            )
        self.start = read_finite(start, "start")
        self.end = read_finite(end, "end")
        self.begin = float(begin)
        self.finish = float(finish)

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a share of the training, 0 to 1, is done."""
        if progress >= self.finish:
            return self.end
        if progress <= self.begin:
            return self.start
        return self.between((progress - self.begin) / (self.finish - self.begin))

    @abc.abstractmethod
    def between(self, share: float) -> float:
        """Returns the value when a share of the way, within 0 and 1, is gone."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "start": self.start,
            "end": self.end,
            "begin": self.begin,
            "finish": self.finish,
        }
