"""A virtual teacher: right about every label, and even about the rest."""

from numbers import Real
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.class_logits import one_hot
from tfcompress.distillation.losses.class_logits_loss import ClassLogitsLoss
from tfcompress.distillation.losses.outputs import check_reduction, reduced
from tfcompress.distillation.losses.scheduled_arguments import as_temperature
from tfcompress.errors import ArgumentError


def virtual_teacher_logits(
    labels: Any, student_logits: Any, *, correct_probability: float = 0.9
) -> Any:
    """Logits of a teacher that gives every label the same probability.

    log q, with q = a for the label's class and (1 − a) / (K − 1) for each other of K
    classes.

    Args:
        labels: Numbers of classes, of shape `(batch, ...)`, or their probabilities.
        student_logits: Float tensor of shape `(batch, ..., classes)`, two at least,
            whose shape is wanted.
        correct_probability: a, between 0 and 1. Defaults to 0.9.

    Returns:
        A float32 tensor of the shape of `student_logits`.

    Raises:
        DataError: If there are no labels, or their shape does not fit.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.virtual_teacher import virtual_teacher_logits

    tf.exp(virtual_teacher_logits([0], tf.zeros((1, 3))))  # [[0.9, 0.05, 0.05]]
    ```
    """
    target = one_hot(labels, student_logits)
    others = tf.cast(tf.shape(student_logits)[-1] - 1, tf.float32)
    wrong = (1.0 - correct_probability) / others
    return tf.math.log(correct_probability * target + wrong * (1.0 - target))


class VirtualTeacher(ClassLogitsLoss):
    """Teaches as a teacher would that is right with the same certainty every time.

    The teacher-free distillation of Yuan and others, "Revisiting Knowledge Distillation
    via Label Smoothing Regularization", 2019, https://arxiv.org/abs/1909.11723:
    T² · KL of the virtual teacher's softened probabilities and the student's. What the
    real teacher says is not looked at. At T = 1 it is label smoothing.

    Needs labels. Probabilities q are softened as those of any teacher are,
    softmax(log q / T), which at T = 1 is q. The authors' code, and others after it,
    take softmax(q / T): that is nearly even whatever q is, and says almost nothing of
    the label, so it is not reproduced here.

    Args:
        correct_probability: Probability of the label's class, above 0 and below 1.
            Defaults to 0.9.
        temperature: T, a number above 0 or a schedule. Defaults to 20, as in the paper.
        reduction: Over classes, `"sum"`, the default, or `"mean"`, as the authors' code
            has it.

    Raises:
        ArgumentError: If an argument is out of range.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.virtual_teacher import VirtualTeacher

    loss = VirtualTeacher()
    values = loss.compute_loss(None, tf.constant([[2.0, 0.0, 1.0]]), labels=[0])
    ```
    """

    def __init__(
        self,
        correct_probability: float = 0.9,
        temperature: Any = 20.0,
        *,
        reduction: str = "sum",
    ):
        number = isinstance(correct_probability, Real)
        if not number or not 0 < correct_probability < 1:
            raise ArgumentError(
                "correct_probability must be a number above 0 and below 1. "
                f"Received: correct_probability={correct_probability!r}"
            )
        self.correct_probability = float(correct_probability)
        self._temperature = as_temperature(temperature)
        self.reduction = check_reduction(reduction)

    @property
    def temperature(self) -> Any:
        """The temperature: a number, or its schedule."""
        return self._temperature.given

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample; the teacher's outputs are not looked at."""
        return super().compute_loss(student_outputs, student_outputs, **kwargs)

    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output.

        Raises:
            DataError: If there are no labels, or their shape does not fit.
        """
        virtual = virtual_teacher_logits(
            labels, student_logits, correct_probability=self.correct_probability
        )
        values = soft_targets.kl_divergence(
            virtual, student_logits, temperature=self._temperature()
        )
        return reduced(values, student_logits, self.reduction)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises a `ModelError` if the student does not end in logits of classes."""
        super().validate_model_compatibility(None, student)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "correct_probability": self.correct_probability,
            "temperature": self._temperature.get_config(),
            "reduction": self.reduction,
        }
