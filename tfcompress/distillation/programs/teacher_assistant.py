"""A chain from a large teacher to a small student."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from tfcompress.distillation.programs.program import Program
from tfcompress.distillation.programs.result import ProgramResult
from tfcompress.distillation.programs.stage import Stage, check_stage
from tfcompress.errors import ArgumentError


class TeacherAssistant(Program):
    """Bridges a wide gap: each model of a chain learns from the one before it.

    Mirzadeh et al., "Improved Knowledge Distillation via Teacher Assistant", 2020,
    https://arxiv.org/abs/1902.03393. Cho and Hariharan, https://arxiv.org/abs/1910.01348,
    find a teacher that is stopped early as good as a chain; measure both.

    Args:
        stages: The `Stage` of every model, or a list with one for each: assistants in
            order, the student last.

    Raises:
        ArgumentError: If something else than a `Stage` is given, or none.

    Example:
    ```python
    import tfcompress as tfc
    from tfcompress.distillation.programs import Stage, TeacherAssistant

    stage = Stage(10, tfc.distillation.LogitsDistillation(4.0))
    result = TeacherAssistant(stage).run(
        teacher, [assistant, student], x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
    )
    ```
    """

    def __init__(self, stages: Stage | Sequence[Stage]):
        several = list(stages) if isinstance(stages, Sequence) else [stages]
        for stage in several:
            check_stage(stage, "stages")
        if not several:
            raise ArgumentError(
                "stages must be a Stage, or a list with one for each model. "
                f"Received: stages={stages!r}"
            )
        self.stages = stages

    def run(
        self,
        teacher: Any,
        students: Sequence[Any],
        x: Any,
        y: Any = None,
        *,
        compile_model: Callable[[Any], Any],
        directory: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] = (),
        **fit_arguments: Any,
    ) -> ProgramResult:
        """Trains copies of the models; see `Program` for what may be given.

        Args:
            teacher: What `Distiller` takes for a teacher.
            students: Built functional or Sequential models of either Keras, that end in
                logits: assistants in order, the student last.
            x: Inputs, or a data set, as `fit` takes them.
            y: Labels, where `x` does not bring them.
            compile_model: Compiles the model of each fit.
            directory: Folder to resume from. Defaults to None.
            callbacks: Keras callbacks of every fit.
            **fit_arguments: As for `fit`.

        Returns:
            A `ProgramResult` with the models in order, of stages `"assistant_1"` and on
            and `"student"`.

        Raises:
            ArgumentError: If there is no student, or not a stage for each.
            TFCompressError: If a model, the data or the folder cannot be used.
        """
        stages = self._stages_of(students)
        execution = self._execution(
            x,
            y,
            students,
            teacher=teacher,
            compile_model=compile_model,
            directory=directory,
            callbacks=callbacks,
            fit_arguments=fit_arguments,
        )
        names = [f"assistant_{number + 1}" for number in range(len(students) - 1)]
        names.append("student")
        copies = [
            execution.start(name, student)
            for name, student in zip(names, students, strict=True)
        ]
        for name, stage, copy in zip(names, stages, copies, strict=True):
            execution.train_stage(name, stage, teacher, copy)
            teacher = copy
        return ProgramResult(copies[-1], tuple(copies), execution.history)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        if isinstance(self.stages, Stage):
            return {"stages": self.stages.get_config()}
        return {"stages": [stage.get_config() for stage in self.stages]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a program from what `get_config` returned."""
        stages = config["stages"]
        if isinstance(stages, Mapping):
            return cls(Stage.from_config(stages))
        return cls([Stage.from_config(stage) for stage in stages])

    def _stages_of(self, students: Any) -> list[Stage]:
        if not isinstance(students, Sequence) or not students:
            raise ArgumentError(
                "students must be a list of models: assistants in order, the student "
                f"last. Received: students={students!r}"
            )
        if isinstance(self.stages, Stage):
            return [self.stages] * len(students)
        if len(self.stages) != len(students):
            raise ArgumentError(
                "There must be a stage for each model, or one Stage for all. Received: "
                f"{len(self.stages)} stages, {len(students)} students"
            )
        return list(self.stages)
