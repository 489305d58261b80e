"""Probabilistic knowledge transfer: how likely samples are to be neighbours."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames, Shape
from tfcompress.distillation.losses.feature_maps import flatten_samples, mean_or_zero
from tfcompress.distillation.losses.similarity_preserving import sample_misfit

_EPSILON = 1e-7


def neighbour_divergence(teacher: Any, student: Any) -> Any:
    """Divergence of the neighbourhoods of the samples of a batch.

    mean over i, j of Tᵢⱼ · log((Tᵢⱼ + ε) / (Sᵢⱼ + ε)), where the rows of T and S are
    (cos(fᵢ, fⱼ) + 1) / 2, divided by their sum, and ε = 1e-7.

    Args:
        teacher: Float32 tensor of shape `(N, ...)`.
        student: Float32 tensor of shape `(N, ...)`, the rest of any other shape.

    Returns:
        A float32 scalar.

    Example:
    ```python
    teacher, student = tf.random.normal((8, 64)), tf.random.normal((8, 16))
    loss = neighbour_divergence(teacher, student)
    ```
    """
    t, s = _neighbours(teacher), _neighbours(student)
    return mean_or_zero(t * tf.math.log((t + _EPSILON) / (s + _EPSILON)))


class ProbabilisticTransfer(FeatureLoss):
    """Teaches the student which samples of a batch are neighbours.

    Passalis and Tefas, "Learning Deep Representations with Probabilistic Knowledge
    Transfer", 2018, https://arxiv.org/abs/1803.10837, with the cosine kernel. Features
    may have any shapes; embeddings, after the pooling, are usual. The usual weight is
    30000 beside a cross-entropy of weight 1. The loss is one number for the batch, so
    weights of samples do not enter.

    Args:
        teacher_layer_name: Name of a layer of the teacher, or a sequence of them. None,
            the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.

    Raises:
        ArgumentError: If one layer name is given without the other.

    Example:
    ```python
    loss = tfc.distillation.ProbabilisticTransfer("embedding", "embedding")
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=30000)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
    ):
        super().__init__(teacher_layer_name, student_layer_name)

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the divergence of the neighbourhoods, a scalar."""
        return neighbour_divergence(teacher, student)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        return sample_misfit(teacher, student)


def _neighbours(features: Any) -> Any:
    unit = tf.math.l2_normalize(flatten_samples(features), axis=1, epsilon=1e-14)
    closeness = (tf.matmul(unit, unit, transpose_b=True) + 1.0) / 2.0
    return tf.math.divide_no_nan(
        closeness, tf.reduce_sum(closeness, axis=1, keepdims=True)
    )
