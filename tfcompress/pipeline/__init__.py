"""Pipeline: from models and data to the file that ships, step by step.

Stages are plain values; what trains and measures is loaded when it is first used.
"""

from typing import TYPE_CHECKING

from tfcompress.lazy import load_lazily
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.stages import (
    ClusterWeights,
    Distil,
    Evaluate,
    Export,
    FineTune,
    FittingStage,
    Joint,
    PruneChannels,
    PruneLayers,
    PruneWeights,
    Quantize,
    Stage,
    TrainTeacher,
)
from tfcompress.pipeline.teaching import Distillation
from tfcompress.pipeline.training import Training

if TYPE_CHECKING:
    from tfcompress.pipeline.attempt import Attempt
    from tfcompress.pipeline.compression import compress
    from tfcompress.pipeline.compression_result import Compression
    from tfcompress.pipeline.result import PipelineResult, StageResult

__all__ = [
    "Attempt",
    "ClusterWeights",
    "Compression",
    "Distil",
    "Distillation",
    "Evaluate",
    "Export",
    "FineTune",
    "FittingStage",
    "Joint",
    "Pipeline",
    "PipelineResult",
    "PruneChannels",
    "PruneLayers",
    "PruneWeights",
    "Quantize",
    "Stage",
    "StageResult",
    "TrainTeacher",
    "Training",
    "compress",
]

_HOMES = {
    "Attempt": "attempt",
    "Compression": "compression_result",
    "compress": "compression",
    "PipelineResult": "result",
    "StageResult": "result",
}

__getattr__, __dir__ = load_lazily(__name__, _HOMES)
