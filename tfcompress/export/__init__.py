"""Export: the best `.tflite` file for a device, checked before it gets its name."""

from tfcompress.export.artifact import Artifact
from tfcompress.export.census import Operation
from tfcompress.export.sparse_ready import (
    SparseFailure,
    SparseReadiness,
    sparse_ready,
)
from tfcompress.export.targets import (
    TARGETS,
    OperationRule,
    Target,
    find_target,
    read_target,
)
from tfcompress.export.tflite import to_tflite
from tfcompress.export.verification import Verification

__all__ = [
    "TARGETS",
    "Artifact",
    "Operation",
    "OperationRule",
    "SparseFailure",
    "SparseReadiness",
    "Target",
    "Verification",
    "find_target",
    "read_target",
    "sparse_ready",
    "to_tflite",
]
