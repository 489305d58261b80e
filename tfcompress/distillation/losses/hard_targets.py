"""Hard targets: the class that the teacher would choose."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.class_logits_loss import ClassLogitsLoss


def hard_cross_entropy(teacher_logits: Any, student_logits: Any) -> Any:
    """Cross-entropy of the student's probabilities on the teacher's choice.

    −log pₖ with k = argmax(t) and p = softmax(s), for the teacher's logits t and the
    student's logits s.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    from tfcompress.distillation.losses.hard_targets import hard_cross_entropy

    hard_cross_entropy([[2.0, 1.0]], [[0.0, 0.0]])  # [log 2]
    ```
    """
    logits = tf.cast(tf.convert_to_tensor(student_logits), tf.float32)
    chosen = tf.argmax(tf.convert_to_tensor(teacher_logits), -1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(chosen, logits)


class HardTargets(ClassLogitsLoss):
    """Teaches the student the class that the teacher chooses, as if it were the label.

    The hard distillation of Touvron and others, "Training data-efficient image
    transformers & distillation through attention", 2020,
    https://arxiv.org/abs/2012.12877, where it weighs as much as the labels. It has
    nothing to tune, and works where the teacher's probabilities say little.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.hard_targets import HardTargets

    loss = HardTargets()
    values = loss.compute_loss(tf.constant([[2.0, 1.0]]), tf.constant([[0.0, 3.0]]))
    ```
    """

    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output; see `hard_cross_entropy`."""
        return hard_cross_entropy(teacher_logits, student_logits)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, of which there are none."""
        return {}
