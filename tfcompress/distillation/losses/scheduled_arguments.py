"""Arguments of losses that are numbers or schedules: taken, checked, shown."""

from typing import Any

from tfcompress.distillation.losses.scheduled_value import ScheduledValue


def as_temperature(value: Any) -> ScheduledValue:
    """Returns a temperature, checked to be above 0."""
    return ScheduledValue(
        value,
        "temperature",
        allowed=lambda number: 0 < number < float("inf"),
        expected="a number above 0",
    )


def as_weight(value: Any, name: str) -> ScheduledValue:
    """Returns the weight of a part of a loss, checked to be 0 or more."""
    return ScheduledValue(
        value,
        name,
        allowed=lambda number: 0 <= number < float("inf"),
        expected="a number of 0 or more",
    )


def as_share(value: Any, name: str) -> ScheduledValue:
    """Returns the share of one of two parts, checked to be from 0 to 1."""
    return ScheduledValue(
        value,
        name,
        allowed=lambda number: 0 <= number <= 1,
        expected="a number from 0 to 1",
    )
