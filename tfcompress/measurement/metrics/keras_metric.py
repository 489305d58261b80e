"""Keras's own metrics, of either Keras."""

import functools
import sys
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.measurement.metrics.function_metric import read_number
from tfcompress.measurement.metrics.quality_metric import Measure, QualityMetric
from tfcompress.measurement.quality.prediction import Predictions

_KINDS = ("classes", "multi_label", "values")
# How Keras ends the names of the classes of metrics that are losses.
_SMALLER_IS_BETTER = ("Error", "Crossentropy", "Divergence", "Hinge", "Poisson")


def is_keras_metric(metric: Any) -> bool:
    """Returns whether this is a metric object of Keras 3 or tf_keras.

    Neither Keras is imported for it.
    """
    modules = (sys.modules.get(name) for name in ("keras", "tf_keras"))
    return any(m is not None and isinstance(metric, m.metrics.Metric) for m in modules)


def describe_keras_metric(metric: Any) -> QualityMetric:
    """Returns what a metric object of either Keras measures.

    It gets the labels in the form in which the data holds them, the scores as the
    model gives them, and the sample weights. Its state is reset before and after.

    Args:
        metric: An object, such as `keras.metrics.AUC(from_logits=True)`.

    Returns:
        The `QualityMetric`, with the name of the object.
    """
    return QualityMetric(
        metric.name,
        functools.partial(_prepare, metric),
        _KINDS,
        larger_is_better=not type(metric).__name__.endswith(_SMALLER_IS_BETTER),
    )


def _prepare(metric: Any, predictions: Predictions) -> Measure:
    given = predictions.given_labels
    labels = np.asarray(predictions.labels if given is None else given)
    scores, weights = predictions.scores, predictions.weights

    import tensorflow as tf  # A metric of Keras is here, so it has been loaded before.

    def measure(counts: np.ndarray) -> float:
        rows = np.arange(len(scores)).repeat(counts.astype(int))
        passed = {} if weights is None else {"sample_weight": weights[rows]}
        metric.reset_state()
        try:
            metric.update_state(labels[rows], scores[rows], **passed)
            value = np.asarray(metric.result())
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise DataError(
                f"Metric {metric.name!r} must take labels of shape {labels.shape} and "
                f"scores of shape {scores.shape}. Received: {str(error)[:200]}"
            ) from error
        finally:
            metric.reset_state()
        return read_number(value, metric.name)

    return measure
