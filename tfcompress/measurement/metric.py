"""What is measured of a model: a metric by its name, or a function of the user's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.agreement import agreement
from tfcompress.measurement.quality import evaluate

Metric = Callable[[Any, Any], float]

_QUALITY = ("accuracy", "macro_recall", "macro_f1")
METRICS = (*_QUALITY, "agreement")


def find_metric(metric: Any, model: Any) -> tuple[str, Metric]:
    """Returns the name of a metric, and the function that measures it.

    Args:
        metric: `"accuracy"`, `"macro_recall"`, `"macro_f1"`, `"agreement"`, or a
            function that takes a model and data and returns a number.
        model: The model that `"agreement"` compares with.

    Returns:
        The name, and a function of a model and data that returns a float.

    Raises:
        ArgumentError: If the metric is another one.

    Example:
    ```python
    from tfcompress.measurement.metric import find_metric

    name, measure = find_metric("accuracy", model)
    share = measure(model, (x, y))
    ```
    """
    if callable(metric) and not isinstance(metric, type):
        name = getattr(metric, "__qualname__", type(metric).__name__)
        return name, lambda other, data: read_number(metric(other, data), name)
    if metric == "agreement":
        return metric, lambda other, data: agreement(model, other, data)
    if metric in _QUALITY:
        return metric, lambda other, data: getattr(evaluate(other, data), metric)
    raise ArgumentError(
        f"metric must be one of {list(METRICS)}, or a function of a model and data. "
        f"Received: metric={metric!r}"
    )


def read_number(value: Any, metric: str) -> float:
    """Returns what a metric gave as a number.

    Raises:
        DataError: If it is not one finite number.
    """
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise DataError(
            "A metric must return one finite number for the model and the data. "
            f"Received: {value!r} from metric {metric!r}"
        )
    return float(array.reshape(()))
