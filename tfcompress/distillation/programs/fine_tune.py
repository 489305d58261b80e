"""Distillation, then the labels alone."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from tfcompress.distillation.programs.execution import clone
from tfcompress.distillation.programs.program import Program
from tfcompress.distillation.programs.result import ProgramResult
from tfcompress.distillation.programs.stage import Stage, check_epochs, check_stage


class FineTune(Program):
    """Distils a student, then trains it on the labels alone.

    The second fit lets the student leave a teacher that is wrong at places, or whose
    data differs from that at hand.

    Args:
        distillation: The `Stage` with the teacher.
        epochs: Passes over the data with the labels alone, 1 or more.

    Raises:
        ArgumentError: If `distillation` is no `Stage`, or `epochs` out of range.

    Example:
    ```python
    import tfcompress as tfc
    from tfcompress.distillation.programs import FineTune, Stage

    stage = Stage(20, tfc.distillation.LogitsDistillation(4.0), student_loss_weight=0.1)
    result = FineTune(stage, epochs=5).run(
        teacher, student, x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
    )
    ```
    """

    def __init__(self, distillation: Stage, epochs: int):
        check_stage(distillation, "distillation")
        check_epochs(epochs, "epochs")
        self.distillation = distillation
        self.epochs = epochs

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
            A `ProgramResult` with the students after stages `"distillation"` and
            `"fine_tuning"`.

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
        distilled = execution.start("student", student)
        execution.train_stage("distillation", self.distillation, teacher, distilled)
        tuned = clone(distilled)
        execution.train_stage("fine_tuning", Stage(self.epochs), teacher, tuned)
        return ProgramResult(tuned, (distilled, tuned), execution.history)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"distillation": self.distillation.get_config(), "epochs": self.epochs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a program from what `get_config` returned."""
        return cls(Stage.from_config(config["distillation"]), config["epochs"])
