"""Generations of one architecture, each taught by the last."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from tfcompress.distillation.programs.program import Program
from tfcompress.distillation.programs.result import ProgramResult
from tfcompress.distillation.programs.stage import Stage, check_epochs, check_stage


class BornAgain(Program):
    """Trains generations of the same student, each taught by the one before it.

    Furlanello et al., "Born Again Neural Networks", 2018,
    https://arxiv.org/abs/1805.04770. The first generation learns from the teacher. Each
    starts from weights drawn anew and with a new optimizer; all are drawn before the
    first fit. The paper takes the teacher's architecture for the student; the ensemble
    of the generations, `average_probabilities(result.students)`, is better still.
    An initializer with a seed draws the same weights for each generation.

    Args:
        stage: The `Stage` of a generation.
        generations: How many, 1 or more. Defaults to 3.

    Raises:
        ArgumentError: If `stage` is no `Stage`, or `generations` out of range.

    Example:
    ```python
    import tfcompress as tfc
    from tfcompress.distillation.programs import (
        BornAgain, Stage, average_probabilities
    )

    stage = Stage(10, tfc.distillation.LogitsDistillation(1.0))
    result = BornAgain(stage, generations=2).run(
        teacher, student, x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
    )
    ensemble = average_probabilities(result.students)
    ```
    """

    def __init__(self, stage: Stage, generations: int = 3):
        check_stage(stage, "stage")
        check_epochs(generations, "generations")
        self.stage = stage
        self.generations = generations

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
        """Trains the generations; see `Program` for what may be given.

        Args:
            teacher: What `Distiller` takes for a teacher.
            student: A built functional or Sequential model of either Keras, that ends
                in logits. Its weights do not matter.
            x: Inputs, or a data set, as `fit` takes them.
            y: Labels, where `x` does not bring them.
            compile_model: Compiles the model of each fit.
            directory: Folder to resume from. Defaults to None.
            callbacks: Keras callbacks of every fit.
            **fit_arguments: As for `fit`.

        Returns:
            A `ProgramResult` with the generations, of stages `"generation_1"` and on;
            `student` is the last.

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
        names = [f"generation_{number + 1}" for number in range(self.generations)]
        generations = [execution.start(name, student, fresh=True) for name in names]
        for name, generation in zip(names, generations, strict=True):
            execution.train_stage(name, self.stage, teacher, generation)
            teacher = generation
        return ProgramResult(generations[-1], tuple(generations), execution.history)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"stage": self.stage.get_config(), "generations": self.generations}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a program from what `get_config` returned."""
        return cls(Stage.from_config(config["stage"]), config["generations"])
