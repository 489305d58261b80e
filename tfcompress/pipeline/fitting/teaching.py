"""What a teacher teaches a student in a stage."""

from typing import Any

from tfcompress.distillation import (
    CorrelationDistillation,
    DecoupledDistillation,
    DistillationLoss,
    Distiller,
    Ensemble,
    LogitsDistillation,
    RegressionDistillation,
)
from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fitting.losses import in_structure
from tfcompress.pipeline.fitting.task import OutputTask, Task
from tfcompress.pipeline.teaching import Distillation


def build_distiller(
    distillation: Distillation, task: Task, teacher: Any, student: Any
) -> Any:
    """Returns the model whose `fit` trains a student from a teacher.

    Args:
        distillation: What is taught.
        task: What the student is to learn.
        teacher: What `Distiller` takes for a teacher.
        student: A model that ends in logits, or in numbers.

    Returns:
        A `Distiller`, not yet compiled.

    Raises:
        ArgumentError: If the task has nothing of the kind that is to be taught.
        ModelError: If the teacher's outputs do not fit the student's.

    Example:
    ```python
    from tfcompress.pipeline import Distillation
    from tfcompress.pipeline.fitting import find_task
    from tfcompress.pipeline.fitting.teaching import build_distiller

    task = find_task(student, (x, y))
    distiller = build_distiller(Distillation(), task, teacher, student)
    ```
    """
    labels, taught = distillation.student_loss_weight, distillation.weight
    return Distiller(
        teacher,
        student,
        choose_loss(distillation, task, student),
        # Both weights as shares of their sum, so that the loss keeps its size.
        student_loss_weight=labels / (labels + taught),
    )


def join_teachers(teacher: Any, task: Task) -> Any:
    """Returns several teachers as one, which teaches what they say on average.

    Args:
        teacher: What `Distiller` takes for a teacher.
        task: What the student is to learn: the probabilities are averaged where all of
            it is classes that exclude each other, else logits and numbers as they are.

    Returns:
        The teacher; an `Ensemble` for a list.

    Example:
    ```python
    from tfcompress.pipeline.fitting import find_task
    from tfcompress.pipeline.fitting.teaching import join_teachers

    task = find_task(student, (x, y))
    assert join_teachers([teacher, teacher], task).average == "probabilities"
    ```
    """
    if not isinstance(teacher, list | tuple):
        return teacher
    exclusive = all(
        output.kind == "classes"
        and (output.activation != "sigmoid" or output.width == 1)
        for output in task.outputs
    )
    return Ensemble(teacher, average="probabilities" if exclusive else "logits")


def choose_loss(
    distillation: Distillation, task: Task, student: Any
) -> DistillationLoss | list[DistillationLoss]:
    """Returns the distillation loss of a stage.

    Args:
        distillation: What is taught.
        task: What the student is to learn.
        student: The student, for the structure of its outputs.

    Returns:
        The loss, or one for each output.

    Raises:
        ArgumentError: If the task has nothing of the kind that is to be taught.

    Example:
    ```python
    from tfcompress.pipeline import Distillation
    from tfcompress.pipeline.fitting import find_task
    from tfcompress.pipeline.fitting.teaching import choose_loss

    task = find_task(student, (x, y))
    loss = choose_loss(Distillation(), task, student)
    ```
    """
    kinds = {output.kind for output in task.outputs}
    wanted, temperature = distillation.loss, distillation.temperature
    if wanted == "auto":
        wanted = "regression" if kinds == {"numbers"} else "logits"
    fits = {
        "regression": kinds == {"numbers"},
        "logits": kinds != {"numbers"},
        "decoupled": kinds == {"classes"},
        "correlation": kinds == {"classes"},
    }
    if not fits[wanted]:
        works = [name for name, fit in fits.items() if fit]
        raise ArgumentError(
            f"The outputs are {' and '.join(sorted(kinds))}, which "
            f'{" or ".join(map(repr, works))} teaches; "auto" chooses. '
            f"Received: loss={distillation.loss!r}"
        )
    if wanted == "regression":
        return RegressionDistillation(reduction="mean")
    if wanted == "decoupled":
        return DecoupledDistillation(temperature=temperature)
    if wanted == "correlation":
        return CorrelationDistillation(temperature=temperature)
    losses = [_of_output(output) for output in task.outputs]
    return LogitsDistillation(temperature, in_structure(student, losses))


def _of_output(output: OutputTask) -> str:
    if output.kind == "numbers":
        return "mse"
    each_alone = output.kind == "labels" or output.activation == "sigmoid"
    if each_alone and output.width > 1:
        return "binary_crossentropy"
    return "kl_divergence"
