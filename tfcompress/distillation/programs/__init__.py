"""Programs: distillation over several fits, each of which can be resumed.

A program is configured in its constructor and run on models and data; `Program` says
what they have in common.
"""

from tfcompress.distillation.programs.average_probabilities import (
    average_probabilities,
)
from tfcompress.distillation.programs.born_again import BornAgain
from tfcompress.distillation.programs.mutual_learning import MutualLearning
from tfcompress.distillation.programs.program import Program
from tfcompress.distillation.programs.result import ProgramResult
from tfcompress.distillation.programs.self_distillation import SelfDistillation
from tfcompress.distillation.programs.stage import Stage
from tfcompress.distillation.programs.teacher_assistant import TeacherAssistant
from tfcompress.distillation.programs.two_stage import TwoStage

__all__ = [
    "BornAgain",
    "MutualLearning",
    "Program",
    "ProgramResult",
    "SelfDistillation",
    "Stage",
    "TeacherAssistant",
    "TwoStage",
    "average_probabilities",
]
