"""What a search measures: a metric by its name, or a function of the user's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.metrics import QUALITY_METRICS, find_quality_metric
from tfcompress.measurement.metrics.function_metric import read_number
from tfcompress.measurement.quality.agreement import share_agreement
from tfcompress.measurement.quality.prediction import predict_each
from tfcompress.measurement.quality.quality import evaluate

Metric = Callable[[Any, Any], float]

AGREEMENT = "agreement"
METRICS = (*QUALITY_METRICS, AGREEMENT)


def find_metric(metric: Any, model: Any) -> tuple[str, Metric]:
    """Returns the name of a metric, and the function that measures it.

    The larger number is always the better one: of metrics such as `"mae"`, of which
    the smaller is better, the negative is measured, named `"negative_mae"`.

    Args:
        metric: A name in `METRICS`, `"top_k_accuracy"` with any number in the place
            of k, or a function that takes a model and data and returns a number. For
            a model with several outputs, the name has that of an output before it, as
            in `"class/accuracy"`.
        model: The model that `"agreement"` compares with.

    Returns:
        The name, and a function of a model and data that returns a float.

    Raises:
        ArgumentError: If the metric is another one.

    Example:
    ```python
    from tfcompress.measurement.quality.metric import find_metric

    name, measure = find_metric("accuracy", model)
    share = measure(model, (x, y))
    ```
    """
    if callable(metric) and not isinstance(metric, type):
        name = getattr(metric, "__qualname__", type(metric).__name__)
        return name, lambda other, data: _finite(metric(other, data), name)
    if metric == AGREEMENT:
        return AGREEMENT, lambda other, data: share_agreement(
            *predict_each([model, other], data)
        )
    name, sign = orient_metric(metric)
    asked = split_output(metric)
    return name, lambda other, data: sign * evaluate(other, data, asked)[metric]


def orient_metric(metric: Any) -> tuple[str, float]:
    """Returns the name under which a search shows a metric, and its sign.

    Args:
        metric: The name of a metric of quality, as in `find_metric`.

    Returns:
        The name and 1, or for a metric of which the smaller number is the better one
        `"negative_"` before its name and -1.

    Raises:
        ArgumentError: If there is no such metric.
    """
    try:
        output, _, own = str(metric).rpartition("/")
        found = find_quality_metric(own)
    except ArgumentError as error:
        raise ArgumentError(
            f"metric must be one of {list(METRICS)}, or a function of a model and "
            f"data. Received: metric={metric!r}"
        ) from error
    name = f"{output}/{own}" if output else own
    return (name, 1.0) if found.larger_is_better else (f"negative_{name}", -1.0)


def split_output(metric: str) -> Any:
    """Returns a metric as `evaluate` takes it.

    Args:
        metric: A name, with or without that of an output and `/` before it.

    Returns:
        The name, or a dict of the metric's name by that of the output.
    """
    output, _, own = metric.rpartition("/")
    return {output: own} if output else own


def _finite(value: Any, metric: str) -> float:
    number = read_number(value, metric)
    if not np.isfinite(number):
        raise DataError(
            "A metric must return one finite number for the model and the data. "
            f"Received: {value!r} from metric {metric!r}"
        )
    return number
