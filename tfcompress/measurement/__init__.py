"""Quality, speed and size of Keras models and of `.tflite` files."""

from tfcompress.measurement.agreement import Agreement, Difference, agreement
from tfcompress.measurement.benchmark import Benchmark, FileBenchmark, benchmark
from tfcompress.measurement.first_run import FirstRun, first_run
from tfcompress.measurement.inspection import inspect
from tfcompress.measurement.inspection_result import (
    Inspection,
    LayerInspection,
    SignatureInspection,
)
from tfcompress.measurement.latency import Latency, latency
from tfcompress.measurement.machine import describe_machine, has_sparse_kernels
from tfcompress.measurement.mcnemar import McNemar, mcnemar
from tfcompress.measurement.metrics import confusion_matrix
from tfcompress.measurement.operation_multiply_adds import (
    count_operation_multiply_adds,
)
from tfcompress.measurement.operation_profile import (
    OperationProfile,
    OperationTime,
    operation_profile,
)
from tfcompress.measurement.prediction import Predictions, predict, predict_each
from tfcompress.measurement.profile import profile
from tfcompress.measurement.profile_result import LayerProfile, Profile
from tfcompress.measurement.quality import Quality, evaluate, score
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
    "Agreement",
    "Benchmark",
    "Difference",
    "FileBenchmark",
    "FirstRun",
    "Inspection",
    "Latency",
    "LayerInspection",
    "LayerProfile",
    "LayerSummary",
    "LiteRTModel",
    "McNemar",
    "OperationProfile",
    "OperationTime",
    "Predictions",
    "Profile",
    "Quality",
    "SignatureInspection",
    "Size",
    "Summary",
    "TensorDetails",
    "WeightCount",
    "agreement",
    "benchmark",
    "confusion_matrix",
    "count_operation_multiply_adds",
    "count_weights",
    "describe_machine",
    "evaluate",
    "first_run",
    "has_sparse_kernels",
    "inspect",
    "latency",
    "mcnemar",
    "operation_profile",
    "predict",
    "predict_each",
    "profile",
    "score",
    "size",
    "summarize_graph",
    "summary",
]
