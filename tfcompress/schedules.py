"""Values over training, as functions of the share of it that is done.

A schedule is called with a progress from 0, at the start of training, to 1, at its
end, so that it need not know how many steps there will be.
"""

import abc
from collections.abc import Mapping
from typing import Any, Self

from tfcompress.errors import ArgumentError


class Schedule(abc.ABC):
    """A value that changes over training."""

    @abc.abstractmethod
    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a share of the training is done.

        Args:
            progress: Share of the training steps done, from 0 to 1.
            step: Number of training steps done. Defaults to 0.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a schedule from what `get_config` returned."""
        return cls(**config)


class Constant(Schedule):
    """The same value all the time.

    Args:
        value: The value.

    Example:
    ```python
    Constant(0.5)(0.3)  # 0.5
    ```
    """

    def __init__(self, value: float):
        self.value = float(value)

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value."""
        return self.value

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"value": self.value}


class Polynomial(Schedule):
    """Moves from a start to an end value, fast at first, and then holds it.

    end + (start - end) · (1 - t) ** power, where t runs from 0 to 1 between the shares
    `begin` and `finish` of the training. With a power of 3 it is the sparsity schedule
    of Zhu and Gupta, "To prune, or not to prune", 2017,
    https://arxiv.org/abs/1710.01878.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.
        power: 1 is a straight line. Defaults to 3.

    Raises:
        ArgumentError: If `begin` and `finish` are not in order within 0 and 1, or
            `power` is not above 0.

    Example:
    ```python
    sparsity = Polynomial(0.0, 0.8, finish=0.5)
    sparsity(0.25)  # 0.7: seven eighths of the way at half the time
    ```
    """

    def __init__(
        self,
        start: float,
        end: float,
        *,
        begin: float = 0.0,
        finish: float = 1.0,
        power: float = 3.0,
    ):
        if not 0 <= begin <= finish <= 1:
            raise ArgumentError(
                "begin and finish are shares of the training, in order, from 0 to 1. "
                f"Received: begin={begin}, finish={finish}"
            )
        if not power > 0:
            raise ArgumentError(
                f"power must be a number above 0. Received: power={power!r}"
            )
        self.start = float(start)
        self.end = float(end)
        self.begin = float(begin)
        self.finish = float(finish)
        self.power = float(power)

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a share of the training, 0 to 1, is done."""
        if progress >= self.finish:
            return self.end
        if progress <= self.begin:
            return self.start
        left = (self.finish - progress) / (self.finish - self.begin)
        return self.end + (self.start - self.end) * left**self.power

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "start": self.start,
            "end": self.end,
            "begin": self.begin,
            "finish": self.finish,
            "power": self.power,
        }


def serialize(schedule: Schedule | None) -> dict[str, Any] | None:
    """Returns a schedule as plain data: the name of its class, and its arguments."""
    if schedule is None:
        return None
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(data: Mapping[str, Any]) -> Schedule:
    """Builds a schedule of this module from what `serialize` returned.

    Raises:
        ArgumentError: If the name is not that of a schedule of this module.
    """
    classes = {kind.__name__: kind for kind in (Constant, Polynomial)}
    if data.get("class_name") not in classes:
        raise ArgumentError(
            f"A schedule must be one of {sorted(classes)}. Received: {dict(data)}"
        )
    return classes[data["class_name"]].from_config(data["config"])
