"""The metrics by their names."""

import functools
import re
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.measurement.metrics.accuracy import (
    prepare_accuracy,
    prepare_top_k_accuracy,
)
from tfcompress.measurement.metrics.calibration_error import prepare_calibration_error
from tfcompress.measurement.metrics.class_counts import (
    f1,
    precision,
    prepare_average,
    prepare_mean_iou,
    recall,
)
from tfcompress.measurement.metrics.function_metric import describe_function
from tfcompress.measurement.metrics.keras_metric import (
    describe_keras_metric,
    is_keras_metric,
)
from tfcompress.measurement.metrics.perplexity import prepare_perplexity
from tfcompress.measurement.metrics.quality_metric import QualityMetric
from tfcompress.measurement.metrics.regression import (
    prepare_mae,
    prepare_r2,
    prepare_rmse,
)
from tfcompress.measurement.metrics.roc_auc import prepare_roc_auc

_CHOICES = ("classes", "multi_label")
_NUMBERS = ("values",)


def _top(k: int) -> QualityMetric:
    return QualityMetric(
        f"top_{k}_accuracy", functools.partial(prepare_top_k_accuracy, k=k)
    )


_AVERAGES = [
    QualityMetric(
        f"{average}_{per_class.__name__}",
        functools.partial(prepare_average, per_class=per_class, average=average),
        _CHOICES,
        needs="labels of one class at least",
    )
    for average in ("macro", "micro", "weighted")
    for per_class in (precision, recall, f1)
]

QUALITY_METRICS: dict[str, QualityMetric] = {
    metric.name: metric
    for metric in (
        QualityMetric("accuracy", prepare_accuracy, _CHOICES),
        _top(5),
        *_AVERAGES,
        QualityMetric(
            "roc_auc",
            prepare_roc_auc,
            _CHOICES,
            needs="labels of two classes at least",
        ),
        QualityMetric(
            "expected_calibration_error",
            prepare_calibration_error,
            larger_is_better=False,
        ),
        QualityMetric(
            "mean_iou", prepare_mean_iou, _CHOICES, needs="labels of one class at least"
        ),
        QualityMetric("perplexity", prepare_perplexity, larger_is_better=False),
        QualityMetric("mae", prepare_mae, _NUMBERS, larger_is_better=False),
        QualityMetric("rmse", prepare_rmse, _NUMBERS, larger_is_better=False),
        QualityMetric("r2", prepare_r2, _NUMBERS),
    )
}

# What is measured if nobody says what, by the kind of labels.
DEFAULTS = {
    "classes": ("accuracy", "macro_recall", "macro_f1"),
    "multi_label": ("accuracy", "macro_recall", "macro_f1"),
    "values": ("mae", "rmse", "r2"),
}


def find_quality_metric(metric: Any) -> QualityMetric:
    """Returns a metric by its name, or what a user's own one measures.

    Args:
        metric: A name in `QUALITY_METRICS`, `"top_k_accuracy"` with any number in the
            place of k, a function of labels and answers, or a metric object of
            either Keras.

    Returns:
        The `QualityMetric`.

    Raises:
        ArgumentError: If it is none of these.

    Example:
    ```python
    find_quality_metric("top_3_accuracy").name
    ```
    """
    if isinstance(metric, str):
        if metric in QUALITY_METRICS:
            return QUALITY_METRICS[metric]
        top = re.fullmatch(r"top_([1-9]\d*)_accuracy", metric)
        if top:
            return _top(int(top[1]))
    elif is_keras_metric(metric):
        return describe_keras_metric(metric)
    elif callable(metric) and not isinstance(metric, type):
        return describe_function(metric)
    raise ArgumentError(
        f'metrics must be names among {list(QUALITY_METRICS)}, "top_k_accuracy" with '
        "any number for k, functions of labels and answers, or metric objects of "
        f"Keras. Received: {metric!r}"
    )
