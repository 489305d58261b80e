"""Distillation: a small student learns from a large teacher.

`Distiller` trains; a `DistillationLoss` says what the student is told; the teacher is a
model, or a `Teacher`. The equations themselves are plain functions beside the classes,
and `programs` are trainings in several stages.

- On outputs: `LogitsDistillation`, `HardTargets`, `DecoupledDistillation`,
  `CorrelationDistillation`, `VirtualTeacher`, `TeacherAnnealing`,
  `AnnealingDistillation`, `RegressionDistillation`.
- On features: `FeatureDistillation`, `AttentionTransfer`, `SimilarityPreserving`,
  `RelationalDistillation`, `ProbabilisticTransfer`, `NeuronSelectivityTransfer`,
  `ChannelWiseDistillation`, `PearsonFeatures`, `ContrastiveDistillation`; of
  transformers `HiddenStates`, `AttentionMatching` and `spread_layers`. Your own are
  subclasses of `FeatureLoss` or `DistillationLoss`.
- Teachers: `Ensemble`, `OutputTeachers`, `FunctionTeacher`, and `CachedTeacher`, which
  `cache_teacher` makes.
"""

from tfcompress.distillation import programs
from tfcompress.distillation.distiller import Distiller
from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.annealing_targets import AnnealingDistillation
from tfcompress.distillation.losses.attention_matching import AttentionMatching
from tfcompress.distillation.losses.attention_transfer import AttentionTransfer
from tfcompress.distillation.losses.channel_wise import ChannelWiseDistillation
from tfcompress.distillation.losses.contrastive import ContrastiveDistillation
from tfcompress.distillation.losses.correlation import CorrelationDistillation
from tfcompress.distillation.losses.decoupled import DecoupledDistillation
from tfcompress.distillation.losses.feature_distillation import FeatureDistillation
from tfcompress.distillation.losses.feature_loss import FeatureLoss
from tfcompress.distillation.losses.hard_targets import HardTargets
from tfcompress.distillation.losses.hidden_states import HiddenStates, spread_layers
from tfcompress.distillation.losses.logits_distillation import LogitsDistillation
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.distillation.losses.neuron_selectivity import NeuronSelectivityTransfer
from tfcompress.distillation.losses.pearson_features import PearsonFeatures
from tfcompress.distillation.losses.probabilistic_transfer import ProbabilisticTransfer
from tfcompress.distillation.losses.regression import RegressionDistillation
from tfcompress.distillation.losses.relational import RelationalDistillation
from tfcompress.distillation.losses.similarity_preserving import SimilarityPreserving
from tfcompress.distillation.losses.teacher_annealing import TeacherAnnealing
from tfcompress.distillation.losses.virtual_teacher import VirtualTeacher
from tfcompress.distillation.sequence_level import decode_targets
from tfcompress.distillation.teachers.cache_teacher import cache_teacher
from tfcompress.distillation.teachers.cached_teacher import CachedTeacher
from tfcompress.distillation.teachers.ensemble import Ensemble
from tfcompress.distillation.teachers.function_teacher import FunctionTeacher
from tfcompress.distillation.teachers.output_teachers import OutputTeachers
from tfcompress.distillation.teachers.teacher import Teacher

__all__ = [
    "AnnealingDistillation",
    "AttentionMatching",
    "AttentionTransfer",
    "CachedTeacher",
    "ChannelWiseDistillation",
    "ContrastiveDistillation",
    "CorrelationDistillation",
    "DecoupledDistillation",
    "DistillationLoss",
    "Distiller",
    "Ensemble",
    "FeatureDistillation",
    "FeatureLoss",
    "FunctionTeacher",
    "HardTargets",
    "HiddenStates",
    "LogitsDistillation",
    "NeuronSelectivityTransfer",
    "OutputTeachers",
    "PearsonFeatures",
    "ProbabilisticTransfer",
    "RegressionDistillation",
    "RelationalDistillation",
    "SimilarityPreserving",
    "Teacher",
    "TeacherAnnealing",
    "VirtualTeacher",
    "cache_teacher",
    "decode_targets",
    "programs",
    "soft_targets",
    "spread_layers",
]
