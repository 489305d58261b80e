"""Schedules as plain data, and back."""

from collections.abc import Mapping
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.schedules.constant import Constant
from tfcompress.schedules.cosine import Cosine
from tfcompress.schedules.exponential import Exponential
from tfcompress.schedules.gradual import Gradual
from tfcompress.schedules.linear import Linear
from tfcompress.schedules.piecewise import Piecewise
from tfcompress.schedules.polynomial import Polynomial
from tfcompress.schedules.polynomial_of_steps import PolynomialOfSteps
from tfcompress.schedules.schedule import Schedule


def serialize(schedule: Schedule | None) -> dict[str, Any] | None:
    """Returns a schedule as plain data: the name of its class, and its arguments."""
    if schedule is None:
        return None
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(data: Mapping[str, Any]) -> Schedule:
    """Builds a schedule from what `serialize` returned.

    Raises:
        ArgumentError: If the name is not that of a schedule.
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
