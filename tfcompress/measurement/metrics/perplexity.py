"""How many classes a language model hesitates between."""

import numpy as np

from tfcompress.measurement.metrics.quality_metric import Measure, mean_over, sum_up
from tfcompress.measurement.quality.prediction import Predictions

# What Keras takes a smaller probability for (`keras.config.epsilon()`).
SMALLEST = 1e-7


def prepare_perplexity(predictions: Predictions) -> Measure:
    """Measures `exp` of the mean of `-log(probability of the right class)`.

    A probability below 1e-7 counts as 1e-7, as in Keras's cross-entropy.
    """
    weights = predictions.label_weights
    statistics = mean_over(weights * _surprise(predictions), weights)
    return sum_up(statistics, lambda sums: np.exp(sums[0] / sums[1]))


def _surprise(predictions: Predictions) -> np.ndarray:
    """Returns `-log(probability of the right class)` in nats, shaped as the labels."""
    labels = np.asarray(predictions.labels)[..., np.newaxis]
    own = np.take_along_axis(predictions.probabilities, labels, axis=-1)[..., 0]
    return -np.log(np.maximum(own, SMALLEST))
