"""Precision, recall, F1 and IoU: all from three counts for each class."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcompress.measurement.metrics.quality_metric import Measure, sum_up
from tfcompress.measurement.quality.prediction import Predictions

# Takes arrays of shape (classes,): how much of what was chosen is right, how much was
# chosen, how much there is.
PerClass = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def precision(right: np.ndarray, chosen: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Returns right / chosen, and 0 for a class that is never chosen."""
    del actual
    return _divide(right, chosen)


def recall(right: np.ndarray, chosen: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Returns right / actual, and 0 for a class that does not occur."""
    del chosen
    return _divide(right, actual)


def f1(right: np.ndarray, chosen: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Returns 2 right / (chosen + actual), between precision and recall."""
    return _divide(2.0 * right, chosen + actual)


def prepare_average(
    predictions: Predictions, per_class: PerClass, average: str
) -> Measure:
    """Measures precision, recall or F1, averaged over the classes.

    Args:
        predictions: Predictions of classes, one or several for a sample.
        per_class: `precision`, `recall` or `f1`.
        average: `"macro"` is the mean over the classes that occur in the labels, so
            that all models are measured on the same classes; `"weighted"` the mean
            weighted by how often they occur; `"micro"` adds the counts of all classes.

    Returns:
        The `Measure`.
    """

    def combine(sums: np.ndarray) -> float:
        right, chosen, actual = sums.reshape(3, -1)
        if average == "micro":
            totals = (part.sum(keepdims=True) for part in (right, chosen, actual))
            return per_class(*totals)[0]
        weights = actual if average == "weighted" else (actual > 0).astype(float)
        if not weights.sum():
            return np.nan
        return np.average(per_class(right, chosen, actual), weights=weights)

    return sum_up(count_classes(predictions), combine)


def prepare_mean_iou(predictions: Predictions) -> Measure:
    """Measures the mean over classes of intersection over union.

    Right / (chosen + actual - right), over the classes that are chosen or occur, as
    in `keras.metrics.MeanIoU`.
    """

    def combine(sums: np.ndarray) -> float:
        right, chosen, actual = sums.reshape(3, -1)
        union = chosen + actual - right
        seen = union > 0
        return (right[seen] / union[seen]).mean() if seen.any() else np.nan

    return sum_up(count_classes(predictions), combine)


def count_classes(predictions: Predictions) -> Any:
    """Counts for each sample how much of each class is right, chosen and actual.

    Args:
        predictions: Predictions of classes, one or several for a sample.

    Returns:
        A sparse array of shape `(samples, 3 * classes)`, weights multiplied in.
    """
    from scipy import sparse  # takes half a second, which few measurements need

    weights = predictions.label_weights
    labels = np.asarray(predictions.labels)
    if predictions.kind == "multi_label":
        chosen = predictions.decisions
        members = [np.nonzero(part) for part in (labels & chosen, chosen, labels)]
        places = [(part[0], part[-1], weights[part[:-1]]) for part in members]
        width = labels.shape[-1]
    else:
        samples = np.arange(len(labels)).reshape((-1,) + (1,) * (labels.ndim - 1))
        samples = np.broadcast_to(samples, labels.shape)
        classes, right = predictions.classes, predictions.right
        places = [
            (samples[right], labels[right], weights[right]),
            (samples.ravel(), classes.ravel(), weights.ravel()),
            (samples.ravel(), labels.ravel(), weights.ravel()),
        ]
        width = predictions.width
    blocks = [
        sparse.coo_array((values, (rows, columns)), shape=(len(labels), width))
        for rows, columns, values in places
    ]
    return sparse.hstack(blocks, format="csr")


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    zeros = np.zeros(np.shape(numerator))
    return np.divide(numerator, denominator, out=zeros, where=denominator > 0)
