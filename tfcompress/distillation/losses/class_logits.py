"""Logits of classes: the form that losses take them in, and changes made to them."""

from typing import Any

import tensorflow as tf

from tfcompress.errors import DataError

# Standard deviations are told apart from 0 by this much, as in the authors' code.
_EPSILON = 1e-7


def as_classes(logits: Any) -> Any:
    """Returns logits in float32, a column for each class.

    A single column is the logit of the second of two classes; the first gets a 0.

    Args:
        logits: Float tensor of shape `(batch, ..., classes)`.

    Returns:
        A float32 tensor of the same shape, or `(batch, ..., 2)` of a single column.

    Example:
    ```python
    from tfcompress.distillation.losses.class_logits import as_classes

    as_classes([[1.5]])  # [[0.0, 1.5]]
    ```
    """
    logits = tf.cast(tf.convert_to_tensor(logits), tf.float32)
    if logits.shape[-1] == 1:
        return tf.concat([tf.zeros_like(logits), logits], axis=-1)
    return logits


def one_hot(labels: Any, logits: Any) -> Any:
    """Returns labels in the shape of logits.

    Args:
        labels: Numbers of classes, of shape `(batch, ...)` or `(batch, ..., 1)`, or
            their probabilities, of shape `(batch, ..., classes)`. A number that is no
            class, such as −1 for a position to ignore, gives a row of zeros.
        logits: Float tensor of shape `(batch, ..., classes)`, two classes at least.

    Returns:
        A float32 tensor of the shape of `logits`.

    Raises:
        DataError: If there are no labels, or their shape does not fit.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.class_logits import one_hot

    one_hot([2, 0], tf.zeros((2, 3)))  # [[0, 0, 1], [1, 0, 0]]
    ```
    """
    if labels is None:
        raise DataError(
            "This loss compares the teacher with the labels: give the data labels, "
            "numbers of classes or one-hot. Received: labels=None"
        )
    labels, logits = tf.convert_to_tensor(labels), tf.convert_to_tensor(logits)
    classes, rank = logits.shape[-1], logits.shape.rank
    if labels.shape.rank == rank and labels.shape[-1] == classes:
        return tf.cast(labels, tf.float32)
    if labels.shape.rank == rank and labels.shape[-1] == 1:
        labels = tf.squeeze(labels, -1)
    if labels.shape.rank != rank - 1:
        raise DataError(
            "Labels must be numbers of classes, one for each row of logits, or one-hot "
            f"rows of {classes}. Received: labels of shape {tuple(labels.shape)} for "
            f"logits of shape {tuple(logits.shape)}"
        )
    return tf.one_hot(tf.cast(labels, tf.int32), classes)


def shift_to_label(teacher_logits: Any, labels: Any) -> Any:
    """Returns a teacher's logits with those corrected that are wrong.

    Where the largest logit is not that of the label, the two change places, so that the
    teacher keeps its certainty and is right: the probability shift of Wen, Lai and
    Qian, "Preparing Lessons", 2019, https://arxiv.org/abs/1911.07471.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        labels: As for `one_hot`. Rows whose label is no class stay as they are.

    Returns:
        A float32 tensor of the same shape.

    Raises:
        DataError: If there are no labels, or their shape does not fit.

    Example:
    ```python
    from tfcompress.distillation.losses.class_logits import shift_to_label

    shift_to_label([[5.0, 1.0, 2.0]], [2])  # [[2.0, 1.0, 5.0]]
    ```
    """
    logits = tf.cast(tf.convert_to_tensor(teacher_logits), tf.float32)
    target = one_hot(labels, logits)
    known = tf.reduce_any(target > 0, -1, keepdims=True)
    classes = logits.shape[-1]
    is_label = tf.one_hot(tf.argmax(target, -1), classes, True, False, dtype=tf.bool)
    is_best = tf.one_hot(tf.argmax(logits, -1), classes, True, False, dtype=tf.bool)
    best = tf.reduce_max(logits, -1, keepdims=True)
    of_label = tf.reduce_sum(tf.where(is_label, logits, 0.0), -1, keepdims=True)
    shifted = tf.where(is_label, best, tf.where(is_best, of_label, logits))
    return tf.where(known, shifted, logits)


def standardize(logits: Any) -> Any:
    """Returns logits of mean 0 and standard deviation 1 in each row.

    (z − mean) / (10⁻⁷ + std), with the deviation of a sample, divided by K − 1. The
    student then learns the relations of the teacher's logits, not their size: Sun and
    others, "Logit Standardization in Knowledge Distillation", 2024,
    https://arxiv.org/abs/2403.01427.

    Args:
        logits: Float tensor of shape `(batch, ..., classes)`, two classes at least.

    Returns:
        A float32 tensor of the same shape.

    Example:
    ```python
    from tfcompress.distillation.losses.class_logits import standardize

    standardize([[1.0, 2.0, 3.0]])  # [[-1.0, 0.0, 1.0]]
    ```
    """
    logits = tf.cast(tf.convert_to_tensor(logits), tf.float32)
    centred = logits - tf.reduce_mean(logits, -1, keepdims=True)
    variance = tf.reduce_sum(tf.square(centred), -1, keepdims=True)
    variance /= tf.cast(tf.shape(logits)[-1] - 1, tf.float32)
    # A root of 0, where all logits are equal, has no gradient.
    deviation = tf.sqrt(tf.maximum(variance, 1e-30))
    return centred / (deviation + _EPSILON)
