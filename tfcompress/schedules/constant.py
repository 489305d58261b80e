"""A value that does not change."""

from typing import Any

from tfcompress.schedules.schedule import Schedule


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
