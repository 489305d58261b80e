"""How far a classifier's confidence is from how often it is right."""

import numpy as np

from tfcompress.measurement.metrics.quality_metric import Measure, sum_up
from tfcompress.measurement.quality.prediction import Predictions

BINS = 15


def prepare_calibration_error(predictions: Predictions) -> Measure:
    """Measures the expected calibration error.

    Samples fall into 15 bins of equal width by their confidence, the probability of
    the chosen class; the error is the mean over samples of
    `|accuracy(bin) - confidence(bin)|`. A bin has its upper end and not its lower one.
    Guo et al., "On Calibration of Modern Neural Networks", 2017,
    https://arxiv.org/abs/1706.04599, equation 3.
    """
    samples = len(predictions.scores)
    confidence = predictions.probabilities.max(axis=-1)
    bins = np.searchsorted(np.linspace(0.0, 1.0, BINS + 1)[1:-1], confidence)
    weights = predictions.label_weights
    gaps = weights * (predictions.right - confidence)
    rows = np.arange(samples).repeat(weights.size // samples)
    statistics = np.zeros((samples, BINS + 1))
    np.add.at(statistics, (rows, bins.ravel()), gaps.ravel())
    statistics[:, BINS] = weights.reshape(samples, -1).sum(axis=1)
    return sum_up(statistics, lambda sums: np.abs(sums[:BINS]).sum() / sums[BINS])
