"""How well scores put the samples of a class before all others."""

from collections.abc import Callable

import numpy as np

from tfcompress.measurement.metrics.quality_metric import Measure
from tfcompress.measurement.quality.prediction import Predictions


def prepare_roc_auc(predictions: Predictions) -> Measure:
    """Measures the area under the ROC curve.

    Of two classes that of class 1; of more the mean of one class against the rest,
    over the classes that occur in the labels and do not fill them; where a sample may
    have several classes the mean over these classes.
    """
    labels = np.asarray(predictions.labels)
    if predictions.kind == "multi_label":
        scores, truths = predictions.scores, labels == 1
    elif predictions.width == 2:
        scores, truths = predictions.probabilities[..., 1:], labels[..., None] == 1
    else:
        scores = predictions.probabilities
        truths = labels[..., None] == np.arange(predictions.width)
    weights = predictions.label_weights.ravel()
    samples = np.arange(len(labels)).repeat(weights.size // len(labels))
    areas = [
        _prepare_area(scores[..., column].ravel(), truths[..., column].ravel())
        for column in range(scores.shape[-1])
    ]

    def measure(counts: np.ndarray) -> float:
        counted = counts[samples] * weights
        found = np.array([area(counted) for area in areas])
        defined = found[~np.isnan(found)]
        return float(defined.mean()) if defined.size else np.nan

    return measure


def _prepare_area(
    scores: np.ndarray, truth: np.ndarray
) -> Callable[[np.ndarray], float]:
    """Returns a function of weights that gives the area under one ROC curve.

    The area is the probability that a sample of the class has a larger score than
    one of the others, where equal scores count half; the scores are sorted once, for
    all weights. Hanley and McNeil, "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve", 1982,
    https://doi.org/10.1148/radiology.143.1.7063747.

    Args:
        scores: Scores of the class, of shape `(labels,)`.
        truth: Whether each is of the class, bool of shape `(labels,)`.

    Returns:
        The function, of weights of shape `(labels,)`; NaN without any weight on the
        class or on the others.
    """
    ranks = np.unique(scores, return_inverse=True)[1].astype(np.int32)
    levels = int(ranks.max()) + 1
    inside, outside = ranks[truth], ranks[~truth]

    def area(weights: np.ndarray) -> float:
        positive = np.bincount(inside, weights[truth], levels)
        negative = np.bincount(outside, weights[~truth], levels)
        below = np.cumsum(negative) - negative / 2.0
        total = positive.sum() * negative.sum()
        return float(positive @ below / total) if total else np.nan

    return area
