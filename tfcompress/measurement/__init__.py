"""Quality, speed and size of Keras models and of `.tflite` files.

What measures is loaded when it is first used: most of it needs the rest not.
"""

from typing import TYPE_CHECKING

from tfcompress.lazy import load_lazily

if TYPE_CHECKING:
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
    from tfcompress.measurement.quality.agreement import (
        Agreement,
        Difference,
        agreement,
    )
    from tfcompress.measurement.quality.mcnemar import McNemar, mcnemar
    from tfcompress.measurement.quality.prediction import (
        Predictions,
        predict,
        predict_each,
    )
    from tfcompress.measurement.quality.quality import Quality, evaluate, score
    from tfcompress.measurement.speed.benchmark import (
        Benchmark,
        FileBenchmark,
        benchmark,
    )
    from tfcompress.measurement.speed.first_run import FirstRun, first_run
    from tfcompress.measurement.speed.latency import Latency, latency
    from tfcompress.measurement.speed.machine import (
        describe_machine,
        has_sparse_kernels,
    )
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

_HOMES = {
    "Agreement": "quality.agreement",
    "Benchmark": "speed.benchmark",
    "Difference": "quality.agreement",
    "FileBenchmark": "speed.benchmark",
    "FirstRun": "speed.first_run",
    "Inspection": "inspection.inspection_result",
    "Latency": "speed.latency",
    "LayerInspection": "inspection.inspection_result",
    "LayerProfile": "cost.profile_result",
    "LayerSummary": "cost.summary",
    "LiteRTModel": "files.runtime",
    "McNemar": "quality.mcnemar",
    "OperationProfile": "speed.operation_profile",
    "OperationTime": "speed.operation_profile",
    "Predictions": "quality.prediction",
    "Profile": "cost.profile_result",
    "Quality": "quality.quality",
    "SignatureInspection": "inspection.inspection_result",
    "Size": "cost.size",
    "Summary": "cost.summary",
    "TensorDetails": "files.tensor",
    "WeightCount": "cost.weights",
    "agreement": "quality.agreement",
    "benchmark": "speed.benchmark",
    "confusion_matrix": "metrics",
    "count_operation_multiply_adds": "cost.operation_multiply_adds",
    "count_weights": "cost.weights",
    "describe_machine": "speed.machine",
    "evaluate": "quality.quality",
    "first_run": "speed.first_run",
    "has_sparse_kernels": "speed.machine",
    "inspect": "inspection.inspection",
    "latency": "speed.latency",
    "mcnemar": "quality.mcnemar",
    "operation_profile": "speed.operation_profile",
    "predict": "quality.prediction",
    "predict_each": "quality.prediction",
    "profile": "cost.profile",
    "score": "quality.quality",
    "size": "cost.size",
    "summarize_graph": "cost.summary",
    "summary": "cost.summary",
}

__getattr__, __dir__ = load_lazily(__name__, _HOMES)
