"""Numbers that a program is configured with."""

from numbers import Real
from typing import Any

from tfcompress.errors import ArgumentError


def check_number(value: Any, name: str, *, above: bool) -> None:
    """Raises an error unless this is a finite number of 0 or more.

    Args:
        value: What was given.
        name: Name of the argument.
        above: Whether 0 itself is out of range.

    Raises:
        ArgumentError: If it is not.

    Example:
    ```python
    from tfcompress.distillation.programs.number import check_number

    check_number(4.0, "temperature", above=True)
    ```
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if number and 0 <= value < float("inf") and not (above and value == 0):
        return
    expected = "a number above 0" if above else "a number of 0 or more"
    raise ArgumentError(f"{name} must be {expected}. Received: {name}={value!r}")
