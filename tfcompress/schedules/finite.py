"""Numbers given as arguments."""

import math
from numbers import Real
from typing import Any

from tfcompress.errors import ArgumentError


def read_finite(value: Any, name: str) -> float:
    """Returns a number, which must be finite.

    Raises:
        ArgumentError: If it is not.
    """
    if not isinstance(value, Real) or not math.isfinite(value):
        raise ArgumentError(
            f"{name} must be a finite number. Received: {name}={value!r}"
        )
    return float(value)
