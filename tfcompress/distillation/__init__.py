"""Distillation: a small student learns from a large teacher.

`Distiller` trains; a `DistillationLoss` says what the student is told. The equations
themselves are plain functions in `tfcompress.distillation.soft_targets`.
"""

from tfcompress.distillation import soft_targets
from tfcompress.distillation.distiller import Distiller
from tfcompress.distillation.logits_distillation import LogitsDistillation
from tfcompress.distillation.loss import DistillationLoss

__all__ = ["DistillationLoss", "Distiller", "LogitsDistillation", "soft_targets"]
