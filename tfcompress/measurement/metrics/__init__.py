"""What is measured of how well a model does its job."""

from tfcompress.measurement.metrics.confusion_matrix import confusion_matrix
from tfcompress.measurement.metrics.quality_metric import Measure, QualityMetric
from tfcompress.measurement.metrics.registry import (
    DEFAULTS,
    QUALITY_METRICS,
    find_quality_metric,
)

__all__ = [
    "DEFAULTS",
    "QUALITY_METRICS",
    "Measure",
    "QualityMetric",
    "confusion_matrix",
    "find_quality_metric",
]
