"""How often the right class is chosen, or is among the k best."""

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.measurement.metrics.quality_metric import Measure, mean_over, sum_up
from tfcompress.measurement.quality.prediction import Predictions


def prepare_accuracy(predictions: Predictions) -> Measure:
    """Measures the share of samples whose class is right.

    Where a sample may have several classes, they must all be right.
    """
    weights = predictions.label_weights
    statistics = mean_over(predictions.right * weights, weights)
    return sum_up(statistics, lambda sums: sums[0] / sums[1])


def prepare_top_k_accuracy(predictions: Predictions, k: int) -> Measure:
    """Measures the share of samples whose class has one of the k largest scores.

    Of equal scores the first class comes first, as in `Predictions.classes`.

    Args:
        predictions: Predictions of classes.
        k: How many classes are looked at.

    Returns:
        The `Measure`.

    Raises:
        ArgumentError: If the model has fewer than k classes.
    """
    if k > predictions.width:
        raise ArgumentError(
            f"A model of {predictions.width} classes has no {k} best ones. "
            f"Received: metric='top_{k}_accuracy'"
        )
    weights = predictions.label_weights
    found = _rank_labels(predictions) < k
    return sum_up(mean_over(found * weights, weights), lambda sums: sums[0] / sums[1])


def _rank_labels(predictions: Predictions) -> np.ndarray:
    """Returns how many classes come before the right one, as the model orders them.

    Returns:
        Whole numbers of the shape of the labels; 0 where the model is right.
    """
    if predictions.scores.shape[-1] == 1:
        return np.where(predictions.right, 0, 1)
    labels = np.asarray(predictions.labels)[..., np.newaxis]
    scores = predictions.scores
    own = np.take_along_axis(scores, labels, axis=-1)
    before = np.arange(scores.shape[-1]) < labels
    return ((scores > own) | ((scores == own) & before)).sum(axis=-1)
