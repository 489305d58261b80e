"""Soft targets: what a teacher's probabilities, softened by a temperature, teach.

Every function takes logits, works in float32 on `log_softmax`, so that it neither
saturates nor loses its gradient where teacher and student disagree strongly, and
returns a value for each sample: summed over classes, multiplied by T² where there is a
temperature.
"""

import math
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.class_logits import as_classes


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
    from tfcompress.distillation.losses import soft_targets

    loss = soft_targets.kl_divergence([[2.0, 0.0]], [[0.0, 2.0]], temperature=4.0)
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
    from tfcompress.distillation.losses import soft_targets

    loss = soft_targets.cross_entropy([[2.0, 0.0]], [[0.0, 2.0]], temperature=4.0)
    ```
    """
    q = tf.exp(_log_probabilities(teacher_logits, temperature))
    log_p = _log_probabilities(student_logits, temperature)
    return -_squared(temperature) * tf.reduce_sum(q * log_p, -1)


def reverse_kl_divergence(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """Divergence of the teacher's softened probabilities from the student's.

    T² · Σₖ pₖ · (log pₖ − log qₖ), with q of the teacher and p of the student as in
    `kl_divergence`. It lets the student leave out what it cannot learn, where
    `kl_divergence` makes it cover all that the teacher does: Gu and others, "MiniLLM",
    2023, https://arxiv.org/abs/2306.08543.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`, 0 where both agree.

    Example:
    ```python
    from tfcompress.distillation.losses import soft_targets

    loss = soft_targets.reverse_kl_divergence([[2.0, 0.0]], [[0.0, 2.0]])
    ```
    """
    return kl_divergence(student_logits, teacher_logits, temperature=temperature)


def jensen_shannon(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """Divergence of both softened probabilities from their mean.

    T² / 2 · Σₖ (qₖ · log(qₖ / mₖ) + pₖ · log(pₖ / mₖ)), with m = (q + p) / 2. The same
    from either side, and at most T² · log 2: Lin, "Divergence measures based on the
    Shannon entropy", 1991; for distillation Agarwal and others, 2023,
    https://arxiv.org/abs/2306.13649.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`, 0 where both agree.

    Example:
    ```python
    from tfcompress.distillation.losses import soft_targets

    loss = soft_targets.jensen_shannon([[2.0, 0.0]], [[0.0, 2.0]])
    ```
    """
    log_q = _log_probabilities(teacher_logits, temperature)
    log_p = _log_probabilities(student_logits, temperature)
    log_m = log_q + tf.nn.softplus(log_p - log_q) - math.log(2.0)
    terms = tf.exp(log_q) * (log_q - log_m) + tf.exp(log_p) * (log_p - log_m)
    return _squared(temperature) * tf.reduce_sum(terms, -1) / 2.0


def binary_cross_entropy(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """Cross-entropy of softened labels that do not exclude each other.

    −T² · Σₖ (qₖ · log pₖ + (1 − qₖ) · log(1 − pₖ)), with qₖ = sigmoid(tₖ / T) and
    pₖ = sigmoid(sₖ / T): each column is a label of its own, of two classes.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., labels)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    from tfcompress.distillation.losses import soft_targets

    loss = soft_targets.binary_cross_entropy([[2.0, -3.0]], [[0.0, 0.0]])
    ```
    """
    of_labels = cross_entropy(
        as_classes(tf.expand_dims(teacher_logits, -1)),
        as_classes(tf.expand_dims(student_logits, -1)),
        temperature=temperature,
    )
    return tf.reduce_sum(of_labels, -1)


def squared_error(teacher_logits: Any, student_logits: Any) -> Any:
    """Squared distance of the student's logits from the teacher's, Σₖ (tₖ − sₖ)².

    What `kl_divergence` tends to as T grows, times 2 · K, for logits of mean 0 (Kim and
    others, 2021, https://arxiv.org/abs/2105.08919).

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    from tfcompress.distillation.losses import soft_targets

    loss = soft_targets.squared_error([[2.0, 0.0]], [[0.0, 1.0]])  # [5.0]
    ```
    """
    teacher_logits = tf.cast(tf.convert_to_tensor(teacher_logits), tf.float32)
    student_logits = tf.cast(tf.convert_to_tensor(student_logits), tf.float32)
    return tf.reduce_sum(tf.math.squared_difference(teacher_logits, student_logits), -1)


def _log_probabilities(logits: Any, temperature: Any) -> Any:
    logits = tf.cast(tf.convert_to_tensor(logits), tf.float32)
    return tf.nn.log_softmax(logits / tf.cast(temperature, tf.float32))


def _squared(temperature: Any) -> Any:
    return tf.square(tf.cast(temperature, tf.float32))
