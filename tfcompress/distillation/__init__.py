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
  transformers `HiddenStates`, `AttentionMatching` and `spread_layers`.
- Teachers: `Ensemble`, `OutputTeachers`, `FunctionTeacher`, and `CachedTeacher`, which
  `cache_teacher` makes.
"""

from tfcompress.distillation import programs, soft_targets
from tfcompress.distillation.annealing_targets import AnnealingDistillation
from tfcompress.distillation.attention_matching import AttentionMatching
from tfcompress.distillation.attention_transfer import AttentionTransfer
from tfcompress.distillation.cache_teacher import cache_teacher
from tfcompress.distillation.cached_teacher import CachedTeacher
from tfcompress.distillation.channel_wise import ChannelWiseDistillation
from tfcompress.distillation.contrastive import ContrastiveDistillation
from tfcompress.distillation.decoupled import DecoupledDistillation
from tfcompress.distillation.distiller import Distiller
from tfcompress.distillation.ensemble import Ensemble
from tfcompress.distillation.feature_distillation import FeatureDistillation
from tfcompress.distillation.function_teacher import FunctionTeacher
from tfcompress.distillation.hard_targets import HardTargets
from tfcompress.distillation.hidden_states import HiddenStates, spread_layers
from tfcompress.distillation.logits_distillation import LogitsDistillation
from tfcompress.distillation.loss import DistillationLoss
from tfcompress.distillation.neuron_selectivity import NeuronSelectivityTransfer
from tfcompress.distillation.output_teachers import OutputTeachers
from tfcompress.distillation.pearson_features import PearsonFeatures
from tfcompress.distillation.probabilistic_transfer import ProbabilisticTransfer
from tfcompress.distillation.regression import RegressionDistillation
from tfcompress.distillation.relational import RelationalDistillation
from tfcompress.distillation.relational_logits import CorrelationDistillation
from tfcompress.distillation.sequence_level import decode_targets
from tfcompress.distillation.similarity_preserving import SimilarityPreserving
from tfcompress.distillation.teacher import Teacher
from tfcompress.distillation.teacher_annealing import TeacherAnnealing
from tfcompress.distillation.virtual_teacher import VirtualTeacher

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
