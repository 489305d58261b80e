"""First hints or imitation, then the task."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from tfcompress.distillation.programs.execution import clone
from tfcompress.distillation.programs.program import Program
from tfcompress.distillation.programs.result import ProgramResult
from tfcompress.distillation.programs.stage import Stage, check_stage


class TwoStage(Program):
    """Teaches a student in two fits: first what lies inside, then the task.

    FitNets first train the student up to a layer by hints of the teacher's features,
    then distil its outputs: Romero et al., "FitNets: Hints for Thin Deep Nets", 2015,
    https://arxiv.org/abs/1412.6550. Annealing-KD first imitates the teacher's logits
    without labels, then learns from the labels alone: Jafari et al., "Annealing
    Knowledge Distillation", 2021, https://arxiv.org/abs/2104.07163. TinyBERT matches
    hidden states first: https://arxiv.org/abs/1909.10351. Fine-tuning after
    distillation is a second stage of the labels alone, `Stage(epochs)`: the student may
    then leave a teacher that is wrong at places, or whose data differs.

    Args:
        first: The `Stage` of hints or imitation, most often with
            `student_loss_weight=0`.
        second: The `Stage` of the task. It starts from the first one's student, with
            a new optimizer.

    Raises:
        ArgumentError: If one is no `Stage`.

    Example:
    ```python
    import tfcompress as tfc
    from tfcompress.distillation.programs import Stage, TwoStage

    soft = tfc.distillation.LogitsDistillation(4.0)
    program = TwoStage(Stage(5, soft, student_loss_weight=0.0), Stage(5))
    result = program.run(
        teacher, student, x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
        directory="run",
    )
    result.student
    ```
    """

    def __init__(self, first: Stage, second: Stage):
        check_stage(first, "first")
        check_stage(second, "second")
        self.first = first
        self.second = second

    def run(
        self,
        teacher: Any,
        student: Any,
        x: Any,
        y: Any = None,
        *,
        compile_model: Callable[[Any], Any],
        directory: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] = (),
        **fit_arguments: Any,
    ) -> ProgramResult:
        """Trains a copy of the student; see `Program` for what may be given.

        Args:
            teacher: What `Distiller` takes for a teacher.
            student: A built functional or Sequential model of either Keras.
            x: Inputs, or a data set, as `fit` takes them.
            y: Labels, where `x` does not bring them.
            compile_model: Compiles the model of each fit.
            directory: Folder to resume from. Defaults to None.
            callbacks: Keras callbacks of both fits.
            **fit_arguments: As for `fit`.

        Returns:
            A `ProgramResult` with the students after stages `"first"` and `"second"`.

        Raises:
            TFCompressError: If a model, the data or the folder cannot be used.
        """
        execution = self._execution(
            x,
            y,
            [student],
            teacher=teacher,
            compile_model=compile_model,
            directory=directory,
            callbacks=callbacks,
            fit_arguments=fit_arguments,
        )
        first = execution.start("student", student)
        execution.train_stage("first", self.first, teacher, first)
        second = clone(first)
        execution.train_stage("second", self.second, teacher, second)
        return ProgramResult(second, (first, second), execution.history)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"first": self.first.get_config(), "second": self.second.get_config()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a program from what `get_config` returned."""
        stages = {name: Stage.from_config(stage) for name, stage in config.items()}
        return cls(**stages)
