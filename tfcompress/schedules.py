"""Values over training, as functions of the share of it that is done.

A schedule is called with a progress from 0, at the start of training, to 1, at its
end, so that it need not know how many steps there will be.
"""

import abc
import bisect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
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

    @property
    def final(self) -> float:
        """The value that it ends at."""
        return self(1.0)

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
    from tfcompress.schedules import Constant

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
        self.start = _finite(start, "start")
        self.end = _finite(end, "end")
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


class Linear(Moving):
    """Moves from a start to an end value in a straight line, and then holds it.

    start + (end − start) · t, where t runs from 0 to 1 between the shares `begin` and
    `finish` of the training.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.

    Raises:
        ArgumentError: If a value is not a finite number, or `begin` and `finish` are
            not in order within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Linear

    warm_up = Linear(0.0, 1.0, finish=0.2)
    warm_up(0.1)  # 0.5
    ```
    """

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        return self.start + (self.end - self.start) * share


class Cosine(Moving):
    """Moves from a start to an end value along half a cosine, slow at both ends.

    end + (start − end) · (1 + cos(π · t)) / 2, where t runs from 0 to 1 between the
    shares `begin` and `finish` of the training: the annealing of Loshchilov and Hutter,
    "SGDR", 2016, https://arxiv.org/abs/1608.03983.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.

    Raises:
        ArgumentError: If a value is not a finite number, or `begin` and `finish` are
            not in order within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Cosine

    temperature = Cosine(8.0, 2.0)
    temperature(0.5)  # 5.0
    ```
    """

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        left = (1 + math.cos(math.pi * share)) / 2
        return self.end + (self.start - self.end) * left


class Exponential(Moving):
    """Moves from a start to an end value by the same factor in each step.

    start · (end / start) ** t, where t runs from 0 to 1 between the shares `begin` and
    `finish` of the training.

    Args:
        start: Value up to `begin`, not 0.
        end: Value from `finish` on, of the sign of `start`.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which it arrives. Defaults to 1.

    Raises:
        ArgumentError: If a value is 0 or not finite, if their signs differ, or `begin`
            and `finish` are not in order within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Exponential

    weight = Exponential(1.0, 0.01)
    weight(0.5)  # 0.1
    ```
    """

    def __init__(
        self, start: float, end: float, *, begin: float = 0.0, finish: float = 1.0
    ):
        super().__init__(start, end, begin=begin, finish=finish)
        if not self.start * self.end > 0:
            raise ArgumentError(
                "start and end must be of the same sign and not 0, for no factor leads "
                "from one to the other; Linear reaches 0. "
                f"Received: start={start}, end={end}"
            )

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        return float(self.start * (self.end / self.start) ** share)


class Polynomial(Moving):
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
        ArgumentError: If a value is not a finite number, if `begin` and `finish` are
            not in order within 0 and 1, or `power` is not above 0.

    Example:
    ```python
    from tfcompress.schedules import Polynomial

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
        super().__init__(start, end, begin=begin, finish=finish)
        if not power > 0:
            raise ArgumentError(
                f"power must be a number above 0. Received: power={power!r}"
            )
        self.power = float(power)

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        return float(self.end + (self.start - self.end) * (1 - share) ** self.power)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {**super().get_config(), "power": self.power}


class Gradual(Moving):
    """Moves from a start to an end value in several moves, and holds it after each.

    The way is cut into equal periods. In each the value moves on in a straight line,
    and is then held, so that a model that is being pruned recovers before more is taken
    from it, as in the iterative pruning of Han et al., 2015,
    https://arxiv.org/abs/1506.02626.

    Args:
        start: Value up to `begin`.
        end: Value from `finish` on.
        moves: How many moves there are. Defaults to 4.
        recovery: Share of each period in which the value is held; with 1 it jumps at
            the start of each. Defaults to 0.5.
        begin: Share of the training at which it starts to move. Defaults to 0.
        finish: Share at which the last period ends. Defaults to 1.

    Raises:
        ArgumentError: If a value is not a finite number, if `begin` and `finish` are
            not in order within 0 and 1, `moves` is not a whole number of 1 or more, or
            `recovery` is not within 0 and 1.

    Example:
    ```python
    from tfcompress.schedules import Gradual

    sparsity = Gradual(0.0, 0.8, moves=2)
    sparsity(0.4)  # 0.4: held from a quarter of the training up to half of it
    ```
    """

    def __init__(
        self,
        start: float,
        end: float,
        *,
        moves: int = 4,
        recovery: float = 0.5,
        begin: float = 0.0,
        finish: float = 1.0,
    ):
        super().__init__(start, end, begin=begin, finish=finish)
        if isinstance(moves, bool) or not isinstance(moves, int) or moves < 1:
            raise ArgumentError(
                f"moves must be a whole number of 1 or more. Received: moves={moves!r}"
            )
        self.moves = moves
        self.recovery = _finite(recovery, "recovery")
        if not 0 <= self.recovery <= 1:
            raise ArgumentError(
                "recovery is the share of each period in which the value is held, from "
                f"0 to 1. Received: recovery={recovery!r}"
            )

    def between(self, share: float) -> float:
        """Returns the value when a share of the way is gone."""
        period, gone = divmod(share * self.moves, 1)
        moving = 1 - self.recovery
        moved = gone / moving if gone < moving else 1.0
        return self.start + (self.end - self.start) * (period + moved) / self.moves

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        own = {"moves": self.moves, "recovery": self.recovery}
        return {**super().get_config(), **own}


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
        self.values = [_finite(value, "values") for value in values]

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a share of the training, 0 to 1, is done."""
        return self.values[bisect.bisect_right(self.boundaries, progress)]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"boundaries": self.boundaries, "values": self.values}


class PolynomialOfSteps(Schedule):
    """A value that moves as `Polynomial` does, but over training steps.

    It is 0 before step `begin`, where it becomes `start`; it arrives at `end` at step
    `finish`, and stays there. So `PolynomialDecay` of TF-MOT counts, and, with `start`
    and `end` alike, its `ConstantSparsity`. Whether a training is long enough is the
    user's to say: prefer `Polynomial`, which needs no number of steps.

    Args:
        start: Value at step `begin`.
        end: Value from step `finish` on.
        begin: Step at which it starts to move. Defaults to 0.
        finish: Step at which it arrives.
        power: 1 is a straight line. Defaults to 3.

    Raises:
        ArgumentError: If a value is not a finite number, `begin` and `finish` are not
            steps in order, or `power` is not above 0.

    Example:
    ```python
    from tfcompress.schedules import PolynomialOfSteps

    sparsity = PolynomialOfSteps(0.0, 0.8, finish=1000, power=1)
    sparsity(0.1, step=500)  # 0.4
    ```
    """

    def __init__(
        self,
        start: float,
        end: float,
        *,
        begin: int = 0,
        finish: int,
        power: float = 3.0,
    ):
        if not 0 <= begin <= finish:
            raise ArgumentError(
                "begin and finish are training steps, in order, from 0 on. "
                f"Received: begin={begin!r}, finish={finish!r}"
            )
        self.begin = int(begin)
        self.finish = int(finish)
        self.way = Polynomial(start, end, power=power)

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a number of training steps is done."""
        if step < self.begin:
            return 0.0
        if step >= self.finish:
            return self.way.end
        return self.way((step - self.begin) / (self.finish - self.begin))

    @property
    def final(self) -> float:
        """The value that it ends at."""
        return self.way.end

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "start": self.way.start,
            "end": self.way.end,
            "begin": self.begin,
            "finish": self.finish,
            "power": self.way.power,
        }


class OfStep(Schedule):
    """A value that a function of the user's gives for each training step.

    It cannot be written out: what holds it trains, but has no `get_config`.

    Args:
        function: Takes the number of training steps done, from 0; returns a number.

    Raises:
        ArgumentError: If it is not a function.

    Example:
    ```python
    from tfcompress.schedules import OfStep

    weight = OfStep(lambda step: min(1.0, step / 500))
    weight(0.1, step=250)  # 0.5
    ```
    """

    def __init__(self, function: Callable[[int], float]):
        if not callable(function):
            raise ArgumentError(
                "function must take a step and return a number. "
                f"Received: function={function!r}"
            )
        self.function = function

    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns what the function gives for the step."""
        return float(self.function(step))

    @property
    def final(self) -> float:
        """Refuses: it is not known how many steps there will be.

        Raises:
            ArgumentError: Always.
        """
        raise ArgumentError(
            "The value that a function of the step ends at is not known; use "
            "Polynomial, Linear, Cosine, Gradual, Piecewise or Constant, or "
            f"PolynomialOfSteps. Received: function={self.function!r}"
        )

    def get_config(self) -> dict[str, Any]:
        """Refuses: a function is not plain data.

        Raises:
            ArgumentError: Always.
        """
        raise ArgumentError(
            "A schedule of a function cannot be written out; where it must be, use "
            "Linear, Cosine, Exponential, Polynomial or Piecewise, or a subclass of "
            f"Schedule. Received: function={self.function!r}"
        )


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
    kinds = (
        Constant,
        Cosine,
        Exponential,
        Gradual,
        Linear,
        Piecewise,
        Polynomial,
        PolynomialOfSteps,
    )
    classes: dict[Any, type[Schedule]] = {kind.__name__: kind for kind in kinds}
    if data.get("class_name") not in classes:
        raise ArgumentError(
            f"A schedule must be one of {sorted(classes)}. Received: {dict(data)}"
        )
    return classes[data["class_name"]].from_config(data["config"])


def _finite(value: Any, name: str) -> float:
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ArgumentError(
            f"{name} must be a finite number. Received: {name}={value!r}"
        )
    return float(value)
