"""How far numbers are from those that they should be."""

import numpy as np

from tfcompress.measurement.metrics.quality_metric import Measure, mean_over, sum_up
from tfcompress.measurement.quality.prediction import Predictions


def prepare_mae(predictions: Predictions) -> Measure:
    """Measures the mean absolute error, over all outputs."""
    weights = _weights(predictions)
    statistics = mean_over(np.abs(_errors(predictions)) * weights, weights)
    return sum_up(statistics, lambda sums: sums[0] / sums[1])


def prepare_rmse(predictions: Predictions) -> Measure:
    """Measures the root of the mean squared error, over all outputs."""
    weights = _weights(predictions)
    statistics = mean_over(np.square(_errors(predictions)) * weights, weights)
    return sum_up(statistics, lambda sums: np.sqrt(sums[0] / sums[1]))


def prepare_r2(predictions: Predictions) -> Measure:
    """Measures the share of the labels' variance that the model explains.

    `1 - sum(error**2) / sum((label - mean)**2)` of each output, and the mean over the
    outputs, as `sklearn.metrics.r2_score` has it: labels that are all equal give 1 if
    every error is 0, and 0 if not.
    """
    samples = len(predictions.scores)
    weights, errors = _weights(predictions), _errors(predictions)
    labels = np.asarray(predictions.labels)
    labels = labels - labels.mean(axis=0)  # so that squares do not swallow it
    weights, labels, errors = (
        part.reshape(samples, -1) for part in (weights, labels, errors)
    )

    def measure(counts: np.ndarray) -> float:
        total = np.einsum("n,nk->k", counts, weights)
        sums = np.einsum("n,nk,nk->k", counts, weights, labels)
        squares = np.einsum("n,nk,nk,nk->k", counts, weights, labels, labels)
        missed = np.einsum("n,nk,nk,nk->k", counts, weights, errors, errors)
        variance = squares - sums**2 / np.where(total > 0, total, 1.0)
        unequal = variance > 1e-12 * squares
        ratio = (missed > 0).astype(np.float64)
        return float(np.mean(1.0 - np.divide(missed, variance, ratio, where=unequal)))

    return measure


def _errors(predictions: Predictions) -> np.ndarray:
    return predictions.scores.astype(np.float64) - np.asarray(predictions.labels)


def _weights(predictions: Predictions) -> np.ndarray:
    weights = predictions.label_weights[..., np.newaxis]
    return np.broadcast_to(weights, predictions.scores.shape)
