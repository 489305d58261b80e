"""What a user gave for a value that may change."""

from tfcompress.distillation.scheduled_value import ScheduledValue
from tfcompress.schedules import Schedule


def given(value: ScheduledValue) -> float | Schedule:
    """Returns the number that a value is all the time, or its schedule.

    Example:
    ```python
    from tfcompress.distillation.given import given
    from tfcompress.distillation.scheduled_value import ScheduledValue

    temperature = ScheduledValue(
        4.0, "temperature", allowed=lambda number: number > 0, expected="above 0"
    )
    given(temperature)  # 4.0
    ```
    """
    return value.schedule(0.0) if value.is_constant else value.schedule
