"""Distillation of numbers: a teacher and a student of regression."""

from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.distillation.losses.outputs import (
    check_reduction,
    losses_of_outputs,
    reduced,
)
from tfcompress.distillation.losses.scheduled_arguments import as_share, as_weight
from tfcompress.errors import ArgumentError, DataError, ModelError

_LOSSES = ("mse", "mixed", "bounded")


def mixed_squared_error(
    teacher_values: Any, student_values: Any, labels: Any, label_share: Any
) -> Any:
    """Squared distance of the student from a mixture of labels and teacher.

    Σₖ (λ · yₖ + (1 − λ) · tₖ − sₖ)², for the teacher's values t, the student's values s
    and the labels y.

    Args:
        teacher_values: Float tensor of shape `(batch, ..., values)`.
        student_values: Float tensor of the same shape.
        labels: Numbers of the same shape; of a single value also without the last axis.
        label_share: λ, a number from 0 to 1, or a scalar tensor.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Raises:
        DataError: If there are no labels, or their shape does not fit.

    Example:
    ```python
    from tfcompress.distillation.losses.regression import mixed_squared_error

    mixed_squared_error([[2.0]], [[0.0]], [4.0], label_share=0.5)  # [9.0]
    ```
    """
    teacher_values = tf.cast(tf.convert_to_tensor(teacher_values), tf.float32)
    share = tf.cast(label_share, tf.float32)
    labels = _like(labels, teacher_values)
    mixed = share * labels + (1.0 - share) * teacher_values
    return soft_targets.squared_error(mixed, student_values)


def bounded_squared_error(
    teacher_values: Any, student_values: Any, labels: Any, margin: Any = 0.0
) -> Any:
    """The student's squared error, where it is not better than the teacher's.

    ‖s − y‖² where ‖s − y‖² + m > ‖t − y‖², else 0: a student that is better than its
    teacher, by the margin m, is left alone.

    Args:
        teacher_values: Float tensor t of shape `(batch, ..., values)`.
        student_values: Float tensor s of the same shape.
        labels: Numbers y of the same shape; of a single value also without the last
            axis.
        margin: m, a number of 0 or more, in squares of the values' unit, or a scalar
            tensor. Defaults to 0.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Raises:
        DataError: If there are no labels, or their shape does not fit.

    Example:
    ```python
    from tfcompress.distillation.losses.regression import bounded_squared_error

    # Errors of 4 and 1; the teacher's is 2.25.
    bounded_squared_error([[1.5], [1.5]], [[2.0], [1.0]], [0.0, 0.0])  # [4.0, 0.0]
    ```
    """
    teacher_values = tf.cast(tf.convert_to_tensor(teacher_values), tf.float32)
    labels = _like(labels, teacher_values)
    of_student = soft_targets.squared_error(labels, student_values)
    of_teacher = soft_targets.squared_error(labels, teacher_values)
    worse = of_student + tf.cast(margin, tf.float32) > of_teacher
    return tf.where(worse, of_student, 0.0)


class RegressionDistillation(DistillationLoss):
    """Teaches the student the teacher's numbers, where there are no classes.

    Args:
        loss: One of these:

            - `"mse"`, the default: Σₖ (tₖ − sₖ)², without labels.
            - `"mixed"`: the squared distance from a mixture of labels and teacher, see
              `mixed_squared_error`. With `label_share=Linear(0.0, 1.0)` the teacher
              annealing of Clark and others, 2019, https://arxiv.org/abs/1907.04829,
              which takes the part of the labels: build the `Distiller` with
              `student_loss_weight=0`.
            - `"bounded"`: the student's error on the labels where it is not better
              than the teacher's, see `bounded_squared_error`; Chen and others,
              "Learning Efficient Object Detection Models with Knowledge Distillation",
              2017, who add half of it to the student's own loss,
              https://papers.nips.cc/paper/6676-learning-efficient-object-detection-models-with-knowledge-distillation
        label_share: Of `"mixed"`, the share of the labels, from 0 to 1, or a schedule.
            Defaults to 0.5.
        margin: Of `"bounded"`, by how much the student's error must be below the
            teacher's, 0 or more, in squares of the values' unit, or a schedule.
            Defaults to 0.
        reduction: Over the values of a sample: `"sum"`, the default, or `"mean"`. The
            margin is that of the sum.

    Raises:
        ArgumentError: If an argument is out of range or not known.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.regression import RegressionDistillation

    loss = RegressionDistillation("bounded", margin=0.1)
    values = loss.compute_loss(
        tf.constant([[1.5]]), tf.constant([[2.0]]), labels=tf.constant([0.0])
    )
    ```
    """

    def __init__(
        self,
        loss: str = "mse",
        *,
        label_share: Any = 0.5,
        margin: Any = 0.0,
        reduction: str = "sum",
    ):
        if loss not in _LOSSES:
            raise ArgumentError(
                f"loss must be one of {', '.join(map(repr, _LOSSES))}. "
                f"Received: loss={loss!r}"
            )
        self.loss = loss
        self._label_share = as_share(label_share, "label_share")
        self._margin = as_weight(margin, "margin")
        self.reduction = check_reduction(reduction)

    @property
    def label_share(self) -> Any:
        """The share of the labels in a mixture: a number, or its schedule."""
        return self._label_share.given

    @property
    def margin(self) -> Any:
        """The margin of the bound: a number, or its schedule."""
        return self._margin.given

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample, or of each of its positions.

        Of several outputs it is a list, one for each.

        Raises:
            DataError: If labels are needed, and there are none or they do not fit.
        """
        return losses_of_outputs(
            self._output_loss, teacher_outputs, student_outputs, kwargs.get("labels")
        )

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises a `ModelError` if a model ends in probabilities, not in numbers."""
        models = {"teacher": teacher, "student": student}
        for role, model in models.items():
            endings = () if model is None else keras_compat.output_activations(model)
            for output, ending in enumerate(endings):
                if ending in ("softmax", "sigmoid"):
                    raise ModelError(
                        "RegressionDistillation compares numbers, and the "
                        f"{role} ends in probabilities: distil it with "
                        "LogitsDistillation, or end it without an activation. "
                        f"Received: {role} {model.name!r}, whose output {output} ends "
                        f"in {ending}"
                    )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "loss": self.loss,
            "label_share": self._label_share.get_config(),
            "margin": self._margin.get_config(),
            "reduction": self.reduction,
        }

    def _output_loss(self, teacher: Any, student: Any, labels: Any) -> Any:
        if self.loss == "mse":
            values = soft_targets.squared_error(teacher, student)
        elif self.loss == "mixed":
            share = self._label_share()
            values = mixed_squared_error(teacher, student, labels, share)
        else:
            values = bounded_squared_error(teacher, student, labels, self._margin())
        return reduced(values, student, self.reduction)


def _like(labels: Any, values: Any) -> Any:
    """Returns labels in the shape of the values they are for."""
    if labels is None:
        raise DataError(
            "This loss compares the teacher with the labels: give the data labels, "
            'or use RegressionDistillation("mse"). Received: labels=None'
        )
    labels = tf.cast(tf.convert_to_tensor(labels), tf.float32)
    if values.shape[-1] == 1 and labels.shape.rank == values.shape.rank - 1:
        labels = tf.expand_dims(labels, -1)
    if not labels.shape.is_compatible_with(values.shape):
        raise DataError(
            "Labels must be numbers in the shape of the outputs. Received: labels of "
            f"shape {tuple(labels.shape)} for outputs of shape {tuple(values.shape)}"
        )
    return labels
