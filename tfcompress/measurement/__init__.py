"""Quality, speed and size of Keras models and of `.tflite` files."""

from tfcompress.measurement.agreement import agreement
from tfcompress.measurement.first_run import FirstRun, first_run
from tfcompress.measurement.latency import Latency, latency
from tfcompress.measurement.machine import describe_machine, has_sparse_kernels
from tfcompress.measurement.operation_multiply_adds import (
    count_operation_multiply_adds,
)
from tfcompress.measurement.prediction import Predictions, predict, predict_each
from tfcompress.measurement.quality import Quality, evaluate
from tfcompress.measurement.runtime import LiteRTModel
from tfcompress.measurement.size import Size, size
from tfcompress.measurement.summary import (
    LayerSummary,
    Summary,
    summarize_graph,
    summary,
)
from tfcompress.measurement.tensor import TensorDetails
from tfcompress.measurement.weights import WeightCount, count_weights

__all__ = [
    "FirstRun",
    "Latency",
    "LayerSummary",
    "LiteRTModel",
    "Predictions",
    "Quality",
    "Size",
    "Summary",
    "TensorDetails",
    "WeightCount",
    "agreement",
    "count_operation_multiply_adds",
    "count_weights",
    "describe_machine",
    "evaluate",
    "first_run",
    "has_sparse_kernels",
    "latency",
    "predict",
    "predict_each",
    "size",
    "summarize_graph",
    "summary",
]
