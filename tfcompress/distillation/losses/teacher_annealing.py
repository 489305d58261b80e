"""Teacher annealing: from the teacher's probabilities to the labels."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.class_logits import one_hot
from tfcompress.distillation.losses.class_logits_loss import ClassLogitsLoss
from tfcompress.distillation.losses.scheduled_arguments import as_share
from tfcompress.schedules import Linear


def mixed_cross_entropy(
    teacher_logits: Any, student_logits: Any, labels: Any, label_share: Any
) -> Any:
    """Cross-entropy of the student under a mixture of labels and teacher.

    −Σₖ mₖ · log pₖ, with m = λ · y + (1 − λ) · softmax(t) and p = softmax(s), for the
    teacher's logits t, the student's logits s and the labels y.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        labels: Numbers of classes, of shape `(batch, ...)`, or their probabilities.
        label_share: λ, a number from 0 to 1, or a scalar tensor.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Raises:
        DataError: If there are no labels, or their shape does not fit.

    Example:
    ```python
    from tfcompress.distillation.losses.teacher_annealing import mixed_cross_entropy

    loss = mixed_cross_entropy([[2.0, 0.0]], [[0.0, 2.0]], [1], label_share=0.25)
    ```
    """
    share = tf.cast(label_share, tf.float32)
    q = tf.nn.softmax(tf.cast(tf.convert_to_tensor(teacher_logits), tf.float32))
    mixed = share * one_hot(labels, q) + (1.0 - share) * q
    student_logits = tf.cast(tf.convert_to_tensor(student_logits), tf.float32)
    return -tf.reduce_sum(mixed * tf.nn.log_softmax(student_logits), -1)


class TeacherAnnealing(ClassLogitsLoss):
    """Leads the student from the teacher to the labels in the course of the training.

    One cross-entropy, on a mixture of both: Clark and others, "BAM! Born-Again
    Multi-Task Networks for Natural Language Understanding", 2019,
    https://arxiv.org/abs/1907.04829. A student can so end better than its teacher.

    Needs labels, and takes their part: build the `Distiller` with
    `student_loss_weight=0`. For numbers in the place of classes the same is
    `RegressionDistillation("mixed", label_share=Linear(0.0, 1.0))`.

    Args:
        label_share: λ, the share of the labels, from 0 to 1, or a schedule. Defaults to
            `Linear(0.0, 1.0)`, as in the paper.

    Raises:
        ArgumentError: If `label_share` is out of range.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.teacher_annealing import TeacherAnnealing

    loss = TeacherAnnealing()
    values = loss.compute_loss(
        tf.constant([[2.0, 0.0]]), tf.constant([[0.0, 2.0]]), labels=tf.constant([1])
    )
    ```
    """

    def __init__(self, label_share: Any = None):
        share = Linear(0.0, 1.0) if label_share is None else label_share
        self._label_share = as_share(share, "label_share")

    @property
    def label_share(self) -> Any:
        """The share of the labels: a number, or its schedule."""
        return self._label_share.given

    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output.

        Raises:
            DataError: If there are no labels, or their shape does not fit.
        """
        return mixed_cross_entropy(
            teacher_logits, student_logits, labels, self._label_share()
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"label_share": self._label_share.get_config()}
