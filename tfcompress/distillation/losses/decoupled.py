"""Decoupled distillation: the label's class apart from the others."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.class_logits import one_hot
from tfcompress.distillation.losses.class_logits_loss import ClassLogitsLoss
from tfcompress.distillation.losses.scheduled_arguments import (
    as_temperature,
    as_weight,
)

# Takes a logit out of a softmax, and is finite, so that differences of it are 0.
_NEVER = -1e30


def target_divergence(
    teacher_logits: Any, student_logits: Any, labels: Any, *, temperature: Any = 1.0
) -> Any:
    """Divergence of the student's certainty of the label from the teacher's (TCKD).

    T² · KL of (q_y, 1 − q_y) and (p_y, 1 − p_y), with q = softmax(t / T) and
    p = softmax(s / T) for the label y. log(1 − p_y) is the log-sum-exp of the other
    logits less that of all, which is finite where 1 − p_y rounds to 0.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`, two at least.
        student_logits: Float tensor of the same shape.
        labels: Numbers of classes, of shape `(batch, ...)`, or one-hot; of soft labels
            the largest counts.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    from tfcompress.distillation.losses.decoupled import target_divergence

    loss = target_divergence([[2.0, 0.0]], [[0.0, 2.0]], [0], temperature=4.0)
    ```
    """
    temperature = tf.cast(temperature, tf.float32)
    log_q, log_not_q = _of_label(teacher_logits, labels, temperature)
    log_p, log_not_p = _of_label(student_logits, labels, temperature)
    return tf.square(temperature) * (
        tf.exp(log_q) * (log_q - log_p) + tf.exp(log_not_q) * (log_not_q - log_not_p)
    )


def non_target_divergence(
    teacher_logits: Any, student_logits: Any, labels: Any, *, temperature: Any = 1.0
) -> Any:
    """Divergence among the classes that are not the label (NCKD).

    T² · KL of the softmax over the other classes alone, of the teacher's logits and the
    student's, divided by T; 0 of two classes.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`, two at least.
        student_logits: Float tensor of the same shape.
        labels: As for `target_divergence`.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    from tfcompress.distillation.losses.decoupled import non_target_divergence

    loss = non_target_divergence([[2.0, 0.0, 1.0]], [[0.0, 2.0, 1.0]], [0])
    ```
    """
    temperature = tf.cast(temperature, tf.float32)
    log_q = tf.nn.log_softmax(_others(teacher_logits, labels, temperature))
    log_p = tf.nn.log_softmax(_others(student_logits, labels, temperature))
    return tf.square(temperature) * tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), -1)


class DecoupledDistillation(ClassLogitsLoss):
    """Weighs what the teacher says of the label apart from what it says of the others.

    α · TCKD + β · NCKD, of `target_divergence` and `non_target_divergence`: Zhao and
    others, "Decoupled Knowledge Distillation", 2022, https://arxiv.org/abs/2203.08679.
    With β = 1 − q_y it is `LogitsDistillation`, which so hides what a certain teacher
    says of the other classes. The published code gives infinity for certain students;
    this is finite everywhere.

    Needs labels. β is 8 in the paper for a student of the teacher's kind on CIFAR-100,
    6 or 2 for others, and 0.5 to 2 with T = 1 on ImageNet; raise the loss from 0 over
    the first epochs, such as with a weight of `Linear(0.0, 1.0, finish=0.08)`.

    Args:
        alpha: Weight of the label's part, 0 or more, or a schedule. Defaults to 1.
        beta: Weight of the others' part, 0 or more, or a schedule. Defaults to 8.
        temperature: T, a number above 0 or a schedule. Defaults to 4.

    Raises:
        ArgumentError: If a number is out of range.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.decoupled import DecoupledDistillation

    loss = DecoupledDistillation(beta=2.0)
    values = loss.compute_loss(
        tf.constant([[2.0, 0.0, 1.0]]), tf.constant([[0.0, 2.0, 1.0]]), labels=[0]
    )
    ```
    """

    def __init__(self, alpha: Any = 1.0, beta: Any = 8.0, temperature: Any = 4.0):
        self._alpha = as_weight(alpha, "alpha")
        self._beta = as_weight(beta, "beta")
        self._temperature = as_temperature(temperature)

    @property
    def alpha(self) -> Any:
        """Weight of the label's part: a number, or its schedule."""
        return self._alpha.given

    @property
    def beta(self) -> Any:
        """Weight of the others' part: a number, or its schedule."""
        return self._beta.given

    @property
    def temperature(self) -> Any:
        """The temperature: a number, or its schedule."""
        return self._temperature.given

    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output.

        Raises:
            DataError: If there are no labels, or their shape does not fit.
        """
        three = teacher_logits, student_logits, labels
        temperature = self._temperature()
        of_target = target_divergence(*three, temperature=temperature)
        of_others = non_target_divergence(*three, temperature=temperature)
        return self._alpha() * of_target + self._beta() * of_others

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "alpha": self._alpha.get_config(),
            "beta": self._beta.get_config(),
            "temperature": self._temperature.get_config(),
        }


def _is_label(logits: Any, labels: Any) -> Any:
    label = tf.argmax(one_hot(labels, logits), -1)
    return tf.one_hot(label, logits.shape[-1], True, False, dtype=tf.bool)


def _of_label(logits: Any, labels: Any, temperature: Any) -> tuple[Any, Any]:
    """Returns the logarithms of the label's probability and of all others' together."""
    logits = tf.cast(tf.convert_to_tensor(logits), tf.float32) / temperature
    of_label = tf.where(_is_label(logits, labels), logits, 0.0)
    total = tf.reduce_logsumexp(logits, -1)
    others = tf.reduce_logsumexp(
        tf.where(_is_label(logits, labels), _NEVER, logits), -1
    )
    return tf.reduce_sum(of_label, -1) - total, others - total


def _others(logits: Any, labels: Any, temperature: Any) -> Any:
    logits = tf.cast(tf.convert_to_tensor(logits), tf.float32)
    return tf.where(_is_label(logits, labels), _NEVER, logits / temperature)
