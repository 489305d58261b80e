"""Losses of models with several outputs."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfcompress.errors import ArgumentError, DataError, ModelError


def losses_of_outputs(
    function: Callable[[Any, Any, Any], Any],
    teacher_outputs: Any,
    student_outputs: Any,
    labels: Any = None,
) -> Any:
    """Returns the loss of each output, to be weighted, averaged and added.

    Args:
        function: Takes the teacher's tensor, the student's and the labels, or None, of
            one output; returns its loss, of shape `(batch, ...)`.
        teacher_outputs: A tensor, or a structure of them.
        student_outputs: The same of the student.
        labels: Of one output a tensor; of several a structure like the outputs'. None
            where there are none.

    Returns:
        Of one output what `function` returned; of several a list of it, in flattened
        order.

    Raises:
        ModelError: If the outputs differ in number.
        DataError: If there are labels, and not for each output.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.outputs import losses_of_outputs

    losses = losses_of_outputs(
        lambda teacher, student, labels: tf.reduce_sum((teacher - student) ** 2, -1),
        {"a": tf.ones((4, 3)), "b": tf.ones((4, 7, 2))},
        {"a": tf.zeros((4, 3)), "b": tf.zeros((4, 7, 2))},
    )  # of shapes (4,) and (4, 7)
    ```
    """
    teachers = tf.nest.flatten(teacher_outputs)
    students = tf.nest.flatten(student_outputs)
    if len(teachers) != len(students):
        raise ModelError(
            "Teacher and student must have as many outputs as each other. Received: "
            f"{len(teachers)} outputs of the teacher, {len(students)} of the student"
        )
    targets = _labels_of_outputs(student_outputs, labels, len(students))
    losses = [
        function(*triple) for triple in zip(teachers, students, targets, strict=True)
    ]
    return losses[0] if len(losses) == 1 else losses


def check_reduction(reduction: Any) -> str:
    """Returns how a loss is reduced over classes, checked.

    Raises:
        ArgumentError: If it is neither `"sum"` nor `"mean"`.
    """
    if reduction not in ("sum", "mean"):
        raise ArgumentError(
            "reduction over the classes of a sample must be 'sum', the default, or "
            f"'mean'. Received: reduction={reduction!r}"
        )
    return str(reduction)


def reduced(summed: Any, logits: Any, reduction: str) -> Any:
    """Returns a loss summed over the columns of logits as a sum or a mean of them.

    Args:
        summed: Float tensor of shape `(batch, ...)`.
        logits: The tensor of shape `(batch, ..., columns)` it was summed over.
        reduction: `"sum"` or `"mean"`.
    """
    if reduction == "sum":
        return summed
    return summed / tf.cast(tf.shape(logits)[-1], tf.float32)


def _labels_of_outputs(outputs: Any, labels: Any, count: int) -> list[Any]:
    if labels is None:
        return [None] * count
    if isinstance(outputs, dict) and isinstance(labels, dict):
        labels = {key: labels.get(key) for key in outputs}
    if count == 1 and not isinstance(labels, dict):
        single = isinstance(labels, list | tuple) and isinstance(outputs, list | tuple)
        return [labels[0] if single else labels]
    flat = tf.nest.flatten(labels)
    if len(flat) != count:
        raise DataError(
            "Of a model with several outputs, labels must be a structure like its "
            f"outputs'. Received: {len(flat)} labels for {count} outputs"
        )
    return flat
