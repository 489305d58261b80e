"""A function of the training step."""

from collections.abc import Callable
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.schedule import Schedule


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
