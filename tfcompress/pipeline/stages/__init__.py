"""The stages of a pipeline, as plain values that load no TensorFlow."""

from tfcompress.pipeline.stages.cluster_weights import ClusterWeights
from tfcompress.pipeline.stages.distil import Distil
from tfcompress.pipeline.stages.evaluate import Evaluate
from tfcompress.pipeline.stages.export import Export
from tfcompress.pipeline.stages.fine_tune import FineTune
from tfcompress.pipeline.stages.joint import Joint, techniques_of
from tfcompress.pipeline.stages.prune_channels import PruneChannels
from tfcompress.pipeline.stages.prune_layers import PruneLayers
from tfcompress.pipeline.stages.prune_weights import PruneWeights
from tfcompress.pipeline.stages.quantize import Quantize
from tfcompress.pipeline.stages.stage import FittingStage, Stage
from tfcompress.pipeline.stages.train_teacher import TrainTeacher

KINDS: dict[str, type[Stage]] = {
    stage.kind: stage
    for stage in (
        TrainTeacher,
        Distil,
        PruneWeights,
        PruneChannels,
        PruneLayers,
        ClusterWeights,
        FineTune,
        Quantize,
        Joint,
        Export,
        Evaluate,
    )
}

__all__ = [
    "KINDS",
    "ClusterWeights",
    "Distil",
    "Evaluate",
    "Export",
    "FineTune",
    "FittingStage",
    "Joint",
    "PruneChannels",
    "PruneLayers",
    "PruneWeights",
    "Quantize",
    "Stage",
    "TrainTeacher",
    "techniques_of",
]
