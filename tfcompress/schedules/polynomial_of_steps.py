"""A polynomial over training steps."""

from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.polynomial import Polynomial
from tfcompress.schedules.schedule import Schedule


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
