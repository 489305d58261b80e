"""Quality, speed and size of Keras models and of `.tflite` files."""

from tfcompress.measurement.cost.operation_multiply_adds import (
    count_operation_multiply_adds,
)
from tfcompress.measurement.cost.profile import profile
from tfcompress.measurement.cost.profile_result import LayerProfile, Profile
from tfcompress.measurement.cost.size import Size, size
from tfcompress.measurement.cost.summary import (
    LayerSummary,
    Summary,
    summarize_graph,
    summary,
)
from tfcompress.measurement.cost.weights import WeightCount, count_weights
from tfcompress.measurement.files.runtime import LiteRTModel
from tfcompress.measurement.files.tensor import TensorDetails
from tfcompress.measurement.inspection.inspection import inspect
from tfcompress.measurement.inspection.inspection_result import (
    Inspection,
    LayerInspection,
    SignatureInspection,
)
from tfcompress.measurement.metrics import confusion_matrix
from tfcompress.measurement.quality.agreement import Agreement, Difference, agreement
from tfcompress.measurement.quality.mcnemar import McNemar, mcnemar
from tfcompress.measurement.quality.prediction import Predictions, predict, predict_each
from tfcompress.measurement.quality.quality import Quality, evaluate, score
from tfcompress.measurement.speed.benchmark import Benchmark, FileBenchmark, benchmark
from tfcompress.measurement.speed.first_run import FirstRun, first_run
from tfcompress.measurement.speed.latency import Latency, latency
from tfcompress.measurement.speed.machine import describe_machine, has_sparse_kernels
from tfcompress.measurement.speed.operation_profile import (
    OperationProfile,
    OperationTime,
    operation_profile,
)

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
