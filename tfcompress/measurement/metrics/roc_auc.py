"""How well scores put the samples of a class before all others."""

import numpy as np
import sklearn.metrics

from tfcompress.measurement.metrics.quality_metric import Measure
from tfcompress.measurement.prediction import Predictions


def prepare_roc_auc(predictions: Predictions) -> Measure:
    """Measures the area under the ROC curve.

    Of two classes that of class 1; of more the mean of one class against the rest,
    over the classes that occur in the labels and do not fill them; where a sample may
    have several classes the mean over these classes.
    """
    labels = np.asarray(predictions.labels)
    weights = predictions.label_weights
    if predictions.kind == "multi_label":
        scores = predictions.scores
        truths = labels
    elif predictions.width == 2:
        scores = predictions.probabilities[..., 1:]
        truths = labels[..., np.newaxis]
    else:
        scores = predictions.probabilities
        truths = labels[..., np.newaxis] == np.arange(predictions.width)
    samples = np.arange(len(labels)).repeat(weights.size // len(labels))
    columns = scores.reshape(-1, scores.shape[-1]).T, truths.reshape(samples.size, -1).T

    def measure(counts: np.ndarray) -> float:
        repeated = counts[samples] * weights.ravel()
        counted = repeated > 0
        areas = [
            sklearn.metrics.roc_auc_score(
                truth[counted], score[counted], sample_weight=repeated[counted]
            )
            for score, truth in zip(*columns, strict=True)
            if truth[counted].any() and not truth[counted].all()
        ]
        return float(np.mean(areas)) if areas else np.nan

    return measure
