"""A number that may change while a model trains."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.schedules import Constant, Schedule, deserialize, serialize


class ScheduledValue:
    """A temperature or a weight: a number, or a schedule that moves it.

    A training step calls it for its present value. Where it follows a schedule, a
    `Distiller` attaches a variable of its own, so that the step is traced once and the
    value is saved, and moves it before each batch.

    Args:
        value: A number, a `tfcompress.schedules.Schedule`, or either as
            `get_config` returned it.
        name: Name of the argument, for messages.
        allowed: Whether a number is in range. Asked of the number, or of the
            schedule's values at the start, the middle and the end.
        expected: What numbers are in range, for the message.

    Raises:
        ArgumentError: If it is neither a number nor a schedule, or out of range.

    Example:
    ```python
    from tfcompress.schedules import Polynomial

    temperature = ScheduledValue(
        Polynomial(8.0, 1.0, power=1),
        "temperature",
        allowed=lambda number: number > 0,
        expected="a number above 0",
    )
    temperature.move(0.5, step=100)
    temperature()  # 4.5
    ```
    """

    def __init__(
        self,
        value: Any,
        name: str,
        *,
        allowed: Callable[[float], bool],
        expected: str,
    ):
        if isinstance(value, dict):
            value = deserialize(value)
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number and not isinstance(value, Schedule):
            raise ArgumentError(
                f"{name} must be {expected}, or a tfcompress.schedules.Schedule of "
                f"such numbers. Received: {name}={value!r}"
            )
        self.name = name
        self.schedule = value if isinstance(value, Schedule) else Constant(value)
        for progress in (0.0, 0.5, 1.0):
            found = self.schedule(progress)
            if not allowed(found):
                raise ArgumentError(
                    f"{name} must be {expected}. Received: {name}={found}"
                )
        self._number = self.schedule(0.0)
        self._variable: Any = None

    @property
    def given(self) -> float | Schedule:
        """The number that it is all the time, or its schedule."""
        return self.schedule(0.0) if self.is_constant else self.schedule

    @property
    def is_constant(self) -> bool:
        """Whether it never changes."""
        return isinstance(self.schedule, Constant)

    def is_always(self, number: float) -> bool:
        """Whether it is this number all the time."""
        return self.is_constant and self.schedule(0.0) == number

    def __call__(self) -> Any:
        """Returns the present value: a number, or a float32 tensor."""
        if self._variable is None:
            return self._number
        return tf.convert_to_tensor(self._variable)

    def attach(self, variable: Any) -> None:
        """Keeps the present value in a variable from now on.

        Args:
            variable: A float32 scalar variable of either Keras, or of TensorFlow.
        """
        self._variable = variable

    def move(self, progress: float, step: int) -> None:
        """Sets the value for a training step.

        Args:
            progress: Share of the training done, from 0 to 1.
            step: Number of steps done.
        """
        self._number = self.schedule(progress, step)
        if self._variable is not None:
            self._variable.assign(self._number)

    def get_config(self) -> Any:
        """Returns the number, or the schedule as plain data."""
        return self.schedule(0.0) if self.is_constant else serialize(self.schedule)
