"""Distillation of the teacher's logits."""

from numbers import Real
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation import soft_targets
from tfcompress.distillation.loss import DistillationLoss
from tfcompress.errors import ArgumentError, ModelError

_FUNCTIONS = {
    "kl_divergence": soft_targets.kl_divergence,
    "categorical_crossentropy": soft_targets.cross_entropy,
}


class LogitsDistillation(DistillationLoss):
    """Teaches the student the teacher's probabilities, softened by a temperature.

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
    https://arxiv.org/abs/1503.02531. A high temperature shows the student how the
    teacher ranks the wrong classes; 2 to 5 is usual for small data, 1 for teachers
    trained with strong augmentation.

    Args:
        temperature: T, a number above 0. Defaults to 3.
        loss: `"kl_divergence"`, the default, or `"categorical_crossentropy"`, which has
            the same gradient. Both carry the factor T².

    Raises:
        ArgumentError: If `temperature` is not above 0 or `loss` is not known.

    Example:
    ```python
    loss = tfc.distillation.LogitsDistillation(temperature=4)
    distiller = tfc.Distiller(teacher, student, loss)
    ```
    """

    def __init__(self, temperature: float = 3.0, loss: str = "kl_divergence"):
        given: Any = temperature
        number = isinstance(given, Real) and not isinstance(given, bool)
        if not number or not 0 < given < float("inf"):
            raise ArgumentError(
                "temperature must be a number above 0; 2 to 5 is usual. "
                f"Received: temperature={temperature!r}"
            )
        if loss not in _FUNCTIONS:
            raise ArgumentError(
                f"loss must be one of {sorted(_FUNCTIONS)}. Received: loss={loss!r}"
            )
        self.temperature = float(temperature)
        self.loss = loss

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample, or of each of its positions.

        Of several outputs the losses are averaged over positions and added.
        """
        function = _FUNCTIONS[self.loss]
        losses = [
            function(t, s, temperature=self.temperature)
            for t, s in zip(
                map(_as_logits, tf.nest.flatten(teacher_outputs)),
                map(_as_logits, tf.nest.flatten(student_outputs)),
                strict=True,
            )
        ]
        if len(losses) == 1:
            return losses[0]
        return tf.add_n([_mean_over_positions(values) for values in losses])

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises a `ModelError` if the student does not end in logits of classes."""
        for tensor, activation in zip(
            teacher.outputs, keras_compat.output_activations(teacher), strict=True
        ):
            if activation == "sigmoid" and tensor.shape[-1] != 1:
                raise ModelError(
                    "The classes must exclude each other; a teacher of several labels "
                    "at once, with a sigmoid for each, cannot be distilled. "
                    f"Received: teacher {teacher.name!r} with output of shape "
                    f"{tuple(tensor.shape)}"
                )
        for output, activation in enumerate(keras_compat.output_activations(student)):
            if activation in ("softmax", "sigmoid"):
                raise ModelError(
                    f"The student must end in logits, without {activation}: its "
                    "probabilities would be softened a second time, which teaches "
                    "almost nothing. Build its last layer with activation=None, give "
                    "compile a loss with from_logits=True, and add the "
                    f"{activation} after training. "
                    f"Received: student {student.name!r}, whose output {output} ends "
                    f"in {activation}"
                )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"temperature": self.temperature, "loss": self.loss}


def _as_logits(logits: Any) -> Any:
    """Gives a single column, the logit of the second of two classes, its first."""
    logits = tf.convert_to_tensor(logits)
    if logits.shape[-1] == 1:
        return tf.concat([tf.zeros_like(logits), logits], axis=-1)
    return logits


def _mean_over_positions(losses: Any) -> Any:
    axes = list(range(1, losses.shape.rank))
    return tf.reduce_mean(losses, axes) if axes else losses
