"""A teacher for each output of a student."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tfcompress.distillation.teachers.as_teacher import as_teacher, teacher_from_config
from tfcompress.distillation.teachers.hashing import hash_parts
from tfcompress.distillation.teachers.teacher import Targets, Teacher
from tfcompress.errors import ArgumentError, ModelError


class OutputTeachers(Teacher):
    """Teaches each output of a student by a teacher of its own.

    One student then learns several tasks from the specialists of each, as in Clark et
    al., "BAM! Born-Again Multi-Task Networks", 2019, https://arxiv.org/abs/1907.04829.
    Every teacher is given the student's inputs, and must have one output.

    Args:
        teachers: A teacher for each name of the student's outputs.

    Raises:
        ArgumentError: If there are none.
        ModelError: If one of them has several outputs.

    Example:
    ```python
    teacher = tfc.distillation.OutputTeachers({"age": first, "mood": second})
    ```
    """

    def __init__(self, teachers: Mapping[str, Any]):
        if not teachers:
            raise ArgumentError(
                "teachers must hold a teacher for each output. Received: teachers={}"
            )
        self.teachers = {name: as_teacher(value) for name, value in teachers.items()}
        for name, teacher in self.teachers.items():
            if isinstance(teacher.output_shapes, dict | list):
                raise ModelError(
                    "Each of several teachers must have one output. Received: "
                    f"teacher {name!r} with outputs {teacher.output_shapes}"
                )

    def targets(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns the logits of each teacher, by the name of the output."""
        pairs = self.teachers.items()
        return Targets({name: t.targets(x).outputs for name, t in pairs}, {})

    @property
    def gives_probabilities(self) -> bool:
        """Whether all of them do."""
        return all(teacher.gives_probabilities for teacher in self.teachers.values())

    @property
    def output_shapes(self) -> Any:
        """The shape of each teacher's output."""
        return {name: t.output_shapes for name, t in self.teachers.items()}

    def get_config(self) -> dict[str, Any]:
        """Returns the teachers, as plain data."""
        return {
            name: {"class_name": type(t).__name__, "config": t.get_config()}
            for name, t in self.teachers.items()
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the teachers, whose weights are those of new ones."""
        return cls({name: teacher_from_config(t) for name, t in config.items()})

    def hash(self) -> str | None:
        """Returns the SHA-256 of the teachers' names and hashes."""
        pairs = sorted(self.teachers.items())
        return hash_parts(*(part for name, t in pairs for part in (name, t.hash())))

    def save_weights(self, directory: Path) -> None:
        """Writes the weights of all teachers, each into a folder of its own."""
        for number, teacher in enumerate(self.teachers.values()):
            folder = directory / str(number)
            folder.mkdir()
            teacher.save_weights(folder)

    def load_weights(self, directory: Path) -> None:
        """Reads the weights that `save_weights` wrote."""
        for number, teacher in enumerate(self.teachers.values()):
            teacher.load_weights(directory / str(number))
