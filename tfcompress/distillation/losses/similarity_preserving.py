"""Similarity-preserving distillation: which samples of a batch look alike."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames, Shape
from tfcompress.distillation.losses.feature_maps import flatten_samples, mean_or_zero


def similarity_difference(teacher: Any, student: Any) -> Any:
    """Squared difference of the similarities among the samples of a batch.

    ‖Gₛ − Gₜ‖² / N², where G = f · fᵀ of the flattened features of N samples, its rows
    L2-normalised.

    Args:
        teacher: Float32 tensor of shape `(N, ...)`.
        student: Float32 tensor of shape `(N, ...)`, the rest of any other shape.

    Returns:
        A float32 scalar.

    Example:
    ```python
    teacher, student = tf.random.normal((8, 4, 4, 32)), tf.random.normal((8, 16))
    loss = similarity_difference(teacher, student)
    ```
    """
    return mean_or_zero(tf.square(_similarities(student) - _similarities(teacher)))


class SimilarityPreserving(FeatureLoss):
    """Teaches the student which samples of a batch the teacher takes for alike.

    Tung and Mori, "Similarity-Preserving Knowledge Distillation", 2019,
    https://arxiv.org/abs/1907.09682. Features may have any shapes. The usual weight is
    3000 beside a cross-entropy of weight 1. The loss is one number for the batch, so
    weights of samples do not enter.

    Args:
        teacher_layer_name: Name of a layer of the teacher, or a sequence of them. None,
            the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.

    Raises:
        ArgumentError: If one layer name is given without the other.

    Example:
    ```python
    loss = tfc.distillation.SimilarityPreserving("stage3", "stage3")
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=3000)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
    ):
        super().__init__(teacher_layer_name, student_layer_name)

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the difference of the similarities, a scalar."""
        return similarity_difference(teacher, student)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        return sample_misfit(teacher, student)


def sample_misfit(teacher: Shape, student: Shape) -> str | None:
    """Says why two shapes are not those of features of samples, or returns None.

    Args:
        teacher: Shape of the teacher's features.
        student: Shape of the student's.
    """
    if len(teacher) >= 2 and len(student) >= 2:
        return None
    return "they must have the shape (batch, ...) with one axis more at least"


def _similarities(features: Any) -> Any:
    flat = flatten_samples(features)
    products = tf.matmul(flat, flat, transpose_b=True)
    return tf.math.l2_normalize(products, axis=1, epsilon=1e-24)
