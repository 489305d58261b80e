"""Soft targets: what a teacher's probabilities, softened by a temperature, teach.

Every function takes logits, works in float32 on `log_softmax`, so that it neither
saturates nor loses its gradient where teacher and student disagree strongly, and
returns a value for each sample: summed over classes, multiplied by T².
"""

from typing import Any

import tensorflow as tf


def kl_divergence(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """Divergence of the student's softened probabilities from the teacher's.

    T² · Σₖ qₖ · (log qₖ − log pₖ), with q = softmax(t / T) and p = softmax(s / T) for
    the teacher's logits t and the student's logits s. The factor T² keeps the size of
    the gradient, T · (p − q), the same for any temperature (Hinton, Vinyals and Dean,
    2015, https://arxiv.org/abs/1503.02531).

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`, 0 where both agree.

    Example:
    ```python
    loss = kl_divergence([[2.0, 0.0]], [[0.0, 2.0]], temperature=4.0)
    ```
    """
    log_q = _log_probabilities(teacher_logits, temperature)
    log_p = _log_probabilities(student_logits, temperature)
    return _squared(temperature) * tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), -1)


def cross_entropy(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """Cross-entropy of the student's softened probabilities under the teacher's.

    −T² · Σₖ qₖ · log pₖ, which is `kl_divergence` plus T² times the entropy of the
    teacher: the gradient is the same, the value never reaches 0.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    loss = cross_entropy([[2.0, 0.0]], [[0.0, 2.0]], temperature=4.0)
    ```
    """
    q = tf.exp(_log_probabilities(teacher_logits, temperature))
    log_p = _log_probabilities(student_logits, temperature)
    return -_squared(temperature) * tf.reduce_sum(q * log_p, -1)


def _log_probabilities(logits: Any, temperature: Any) -> Any:
    logits = tf.cast(tf.convert_to_tensor(logits), tf.float32)
    return tf.nn.log_softmax(logits / tf.cast(temperature, tf.float32))


def _squared(temperature: Any) -> Any:
    return tf.square(tf.cast(temperature, tf.float32))
