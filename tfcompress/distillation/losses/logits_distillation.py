"""Distillation of the teacher's logits."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses import loss_choice, soft_targets
from tfcompress.distillation.losses.class_logits import (
    as_classes,
    shift_to_label,
    standardize,
)
from tfcompress.distillation.losses.class_logits_loss import (
    check_classes_exclude_each_other,
    check_ends_in_logits,
    check_labels_are_independent,
)
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.distillation.losses.outputs import (
    check_reduction,
    losses_of_outputs,
    reduced,
)
from tfcompress.distillation.losses.scheduled_arguments import as_temperature
from tfcompress.distillation.tapped_model import symbolic_outputs
from tfcompress.errors import ArgumentError, ModelError

_OF_CLASSES = {
    "kl_divergence": soft_targets.kl_divergence,
    "categorical_crossentropy": soft_targets.cross_entropy,
    "reverse_kl_divergence": soft_targets.reverse_kl_divergence,
    "jensen_shannon": soft_targets.jensen_shannon,
}
_SOFTENED = {**_OF_CLASSES, "binary_crossentropy": soft_targets.binary_cross_entropy}


class LogitsDistillation(DistillationLoss):
    """Teaches the student the teacher's logits, softened by a temperature.

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
    https://arxiv.org/abs/1503.02531. A high temperature shows the student how the
    teacher ranks the wrong classes; 2 to 5 is usual for small data, 1 for teachers
    trained with strong augmentation.

    `Distiller` adds the student's loss on labels, of weight a = student_loss_weight:

    - `loss="categorical_crossentropy"` is (1 − a) · T² · H(q, p) + a · H(y, p).
    - `loss="mse"` is a · H(y, p) + (1 − a) · ‖t − s‖², the loss of Tang and others,
      2019, https://arxiv.org/abs/1903.12136; with `reduction="mean"` that of codes that
      average over the classes.

    Takes the arguments of `keras.distillation.LogitsDistillation`. Unlike it, losses on
    probabilities are given probabilities and the factor T², whichever way they are
    named, and `"mse"` does not depend on the temperature.

    Args:
        temperature: T, a number above 0 or a schedule. Defaults to 3.
        loss: One of these, or a Keras loss, or a list or dict like the outputs of them
            or None, for an output that is not distilled:

            - `"kl_divergence"`, the default, `"categorical_crossentropy"`, which has
              the same gradient, `"reverse_kl_divergence"` and `"jensen_shannon"`, on
              softened probabilities of classes, with the factor T².
            - `"binary_crossentropy"`, for several labels at once, a column and a
              sigmoid for each, softened, with the factor T².
            - `"mse"`, the squared distance of the logits, without a temperature.

            The same under their class names; `KLDivergence()`,
            `CategoricalCrossentropy()` and `BinaryCrossentropy()` of either Keras mean
            those above. Another Keras loss, or a function, is called on the teacher's
            and the student's logits, divided by T, and has no factor.
        reduction: Of the losses named above, over classes: `"sum"`, the default, or
            `"mean"`, to reproduce papers that average over them.
        standardize: Whether logits of teacher and student are made of mean 0 and
            standard deviation 1 in each row before the temperature; Sun and others,
            2024, https://arxiv.org/abs/2403.01427, with T = 2 and a weight of 9.
            Defaults to False.
        correct_teacher: Whether the teacher's largest logit changes places with that of
            the label where it is wrong, see `shift_to_label`. Needs labels: numbers of
            classes, or one-hot. Defaults to False.

    Raises:
        ArgumentError: If an argument is out of range or not known.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation import LogitsDistillation

    loss = LogitsDistillation(temperature=4)
    values = loss.compute_loss(tf.constant([[2.0, 0.0]]), tf.constant([[0.0, 2.0]]))
    ```
    """

    def __init__(
        self,
        temperature: Any = 3.0,
        loss: Any = "kl_divergence",
        *,
        reduction: str = "sum",
        standardize: bool = False,
        correct_teacher: bool = False,
    ):
        self._temperature = as_temperature(temperature)
        self.loss = loss_choice.map_losses(
            lambda one: loss_choice.known_loss(loss_choice.deserialize(one)), loss
        )
        self.reduction = check_reduction(reduction)
        self.standardize = standardize
        self.correct_teacher = correct_teacher
        losses = [one for one in tf.nest.flatten(self.loss) if one is not None]
        if not losses:
            raise ArgumentError(
                "loss must name a loss for one output at least; None is for outputs "
                f"that are not distilled. Received: loss={loss!r}"
            )
        if "binary_crossentropy" in losses and (standardize or correct_teacher):
            raise ArgumentError(
                "standardize and correct_teacher are for classes that exclude each "
                "other, binary_crossentropy is for labels that do not. Received: "
                f"loss={loss!r}, standardize={standardize}, "
                f"correct_teacher={correct_teacher}"
            )

    @property
    def temperature(self) -> Any:
        """The temperature: a number, or its schedule."""
        return self._temperature.given

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample, or of each of its positions.

        Of several outputs it is a list, one for each: 0 where that is not distilled.
        """
        count = len(tf.nest.flatten(student_outputs))
        losses = iter(self._loss_of_outputs(student_outputs, count))

        def loss_of_output(teacher: Any, student: Any, labels: Any) -> Any:
            return self._output_loss(next(losses), teacher, student, labels)

        return losses_of_outputs(
            loss_of_output, teacher_outputs, student_outputs, kwargs.get("labels")
        )

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises a `ModelError` if an output does not end as its loss expects."""
        losses = self._loss_of_outputs(symbolic_outputs(student), len(student.outputs))
        for output, loss in enumerate(losses):
            if loss is None:
                continue
            if teacher is not None and loss in _OF_CLASSES:
                check_classes_exclude_each_other(teacher, output)
            if teacher is not None and loss == "binary_crossentropy":
                check_labels_are_independent(teacher, output)
            check_ends_in_logits(student, output)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "temperature": self._temperature.get_config(),
            "loss": loss_choice.map_losses(loss_choice.serialize, self.loss),
            "reduction": self.reduction,
            "standardize": self.standardize,
            "correct_teacher": self.correct_teacher,
        }

    def _loss_of_outputs(self, outputs: Any, count: int) -> list[Any]:
        if not loss_choice.is_structure(self.loss):
            return [self.loss] * count
        losses = tf.nest.flatten(self.loss)
        keys = [
            sorted(structure) if isinstance(structure, dict) else None
            for structure in (self.loss, outputs)
        ]
        if len(losses) != count or keys[0] != keys[1]:
            raise ModelError(
                "loss must be one for all outputs, or a list or dict with one for "
                f"each output, in the structure of the outputs. Received: "
                f"loss={self.loss!r} for {count} outputs"
                f"{f' named {keys[1]}' if keys[1] else ''}"
            )
        return losses

    def _output_loss(self, loss: Any, teacher: Any, student: Any, labels: Any) -> Any:
        teacher, student = tf.convert_to_tensor(teacher), tf.convert_to_tensor(student)
        if loss is None:
            return tf.zeros(tf.shape(student)[:1])
        teacher, student = (
            tf.cast(logits, tf.float32) for logits in (teacher, student)
        )
        if loss in _OF_CLASSES or self.standardize or self.correct_teacher:
            teacher, student = as_classes(teacher), as_classes(student)
        if self.correct_teacher:
            teacher = shift_to_label(teacher, labels)
        if self.standardize:
            teacher, student = standardize(teacher), standardize(student)
        temperature = self._temperature()
        if loss == "mse":
            values = soft_targets.squared_error(teacher, student)
        elif loss in _SOFTENED:
            values = _SOFTENED[loss](teacher, student, temperature=temperature)
        else:
            return _of_user(loss, teacher, student, temperature)
        return reduced(values, student, self.reduction)


def _of_user(loss: Any, teacher: Any, student: Any, temperature: Any) -> Any:
    """Calls a Keras loss, without its mean over the batch, or a function."""
    function = loss.call if loss_choice.is_keras_loss(loss) else loss
    return tf.cast(function(teacher / temperature, student / temperature), tf.float32)
