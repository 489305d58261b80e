"""A metric that is a function of labels and answers, such as scikit-learn's."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.measurement.metrics.quality_metric import Measure, QualityMetric
from tfcompress.measurement.quality.prediction import Predictions

_KINDS = ("classes", "multi_label", "values")
# How scikit-learn ends the names of functions to minimize.
_SMALLER_IS_BETTER = ("_error", "_loss", "_deviance")
# What scikit-learn calls the second argument of a function of scores.
_SCORES = ("y_score", "y_scores", "y_proba", "y_prob")
# Those that take probabilities, though the argument has the name of answers.
_OF_PROBABILITIES = ("log_loss", "d2_log_loss_score")


def describe_function(function: Callable[..., Any]) -> QualityMetric:
    """Returns the metric that a function of labels and answers is.

    It is called as `function(y_true, y_pred)`. The answers are the chosen classes, or
    zeros and ones where a sample may have several classes, or real numbers. A function
    whose second argument is named `y_score`, `y_proba` or `y_prob`, as scikit-learn
    does, and its `log_loss`, get probabilities instead: of class 1 alone, shape
    `(labels,)`, if there are two classes, else `(labels, classes)`. Axes of pixels and
    steps are flattened, and labels of weight 0 left out; other weights go into
    `sample_weight`.

    Args:
        function: The function; `functools.partial` sets other arguments.

    Returns:
        The `QualityMetric`, named after the function. The smaller number is the better
        one if the name ends as scikit-learn has it: `_error`, `_loss`, `_deviance`.
    """
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__name__", type(inner).__name__)
    return QualityMetric(
        name,
        functools.partial(_prepare, function, name),
        _KINDS,
        larger_is_better=not name.endswith(_SMALLER_IS_BETTER),
    )


def _prepare(
    function: Callable[..., Any],
    name: str,
    predictions: Predictions,
) -> Measure:
    parameters = _parameters(function)
    scores = name in _OF_PROBABILITIES or any(part in parameters for part in _SCORES)
    takes_weights = "sample_weight" in parameters
    weights = predictions.label_weights.ravel()
    if not takes_weights and not np.isin(weights, (0, 1)).all():
        raise DataError(
            f"Metric {name!r} takes no sample_weight; leave the weights out of the "
            "data, or give a function with that argument. Received: sample weights"
        )
    labels = _flatten(np.asarray(predictions.labels), weights.size)
    answers = _flatten(_answers(predictions, scores), weights.size)
    samples = np.arange(len(predictions.scores)).repeat(
        weights.size // len(predictions.scores)
    )

    def measure(counts: np.ndarray) -> float:
        repeats = np.where(weights > 0, counts[samples], 0).astype(int)
        rows = np.arange(len(repeats)).repeat(repeats)
        passed = {}
        if takes_weights and predictions.weights is not None:
            passed["sample_weight"] = weights[rows]
        try:
            return read_number(function(labels[rows], answers[rows], **passed), name)
        except (TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"Metric {name!r} must take the labels and the answers of the model, "
                f"of shapes {labels[rows].shape} and {answers[rows].shape}. "
                f"Received: {error}"
            ) from error

    return measure


def read_number(value: Any, metric: str) -> float:
    """Returns what a metric gave as a number.

    Args:
        value: What it gave.
        metric: Its name.

    Returns:
        The number; NaN if the metric is not defined.

    Raises:
        DataError: If it is not one number.
    """
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf":
        raise DataError(
            "A metric must return one finite number for the model and the data. "
            f"Received: {value!r} from metric {metric!r}"
        )
    return float(array.reshape(()))


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # functions written in C have no signature
        return []


def _answers(predictions: Predictions, scores: bool) -> np.ndarray:
    if predictions.kind == "values":
        return predictions.scores.astype(np.float64)
    if predictions.kind == "multi_label":
        return predictions.output_probabilities if scores else predictions.decisions
    if not scores:
        return predictions.classes
    if predictions.width == 2:
        return predictions.probabilities[..., 1]
    return predictions.probabilities


def _flatten(array: np.ndarray, positions: int) -> np.ndarray:
    """Returns a row for each position, or a number if there is one in a row."""
    rows = array.reshape(positions, -1)
    return rows[:, 0] if rows.shape[1] == 1 else rows
