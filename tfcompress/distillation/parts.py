"""What a distiller works with beside the student, kept from Keras."""

from typing import Any

from tfcompress.distillation.losses.scheduled_value import ScheduledValue
from tfcompress.distillation.objective import Objective
from tfcompress.distillation.tapped_model import TappedModel
from tfcompress.distillation.teachers.teacher import Teacher


class Parts:
    """What a distiller works with beside the student.

    Attributes:
        given: The teacher as the user gave it.
        teacher: The same as a `Teacher`.
        student: The student, tapped at the layers that losses look at.
        objective: The losses.
        share: The share of the student's own loss.
        moving: The values that move, each with the variable that holds it.
    """

    def __init__(
        self,
        given: Any,
        teacher: Teacher,
        student: TappedModel,
        objective: Objective,
        share: ScheduledValue,
        moving: list[tuple[ScheduledValue, Any]],
    ):
        self.given = given
        self.teacher = teacher
        self.student = student
        self.objective = objective
        self.share = share
        self.moving = moving


class Untracked:
    """Holds a value that Keras shall neither track, train nor save."""

    def __init__(self, value: Any):
        self.value = value
