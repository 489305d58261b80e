"""Distillation: a small student learns from a large teacher.

`Distiller` trains; a `DistillationLoss` says what the student is told; the teacher is a
model, or a `Teacher`. The equations themselves are plain functions beside the classes.
"""

from tfcompress.distillation import soft_targets
from tfcompress.distillation.distiller import Distiller
from tfcompress.distillation.ensemble import Ensemble
from tfcompress.distillation.function_teacher import FunctionTeacher
from tfcompress.distillation.logits_distillation import LogitsDistillation
from tfcompress.distillation.loss import DistillationLoss
from tfcompress.distillation.output_teachers import OutputTeachers
from tfcompress.distillation.teacher import Teacher

__all__ = [
    "DistillationLoss",
    "Distiller",
    "Ensemble",
    "FunctionTeacher",
    "LogitsDistillation",
    "OutputTeachers",
    "Teacher",
    "soft_targets",
]
