"""Contrastive distillation: the same sample in both models, against all others."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import (
    FeatureLoss,
    LayerNames,
    Shape,
    are_equal,
)
from tfcompress.distillation.losses.regressor import build_regressor
from tfcompress.distillation.losses.scheduled_value import ScheduledValue
from tfcompress.errors import ArgumentError


def contrast(teacher: Any, student: Any, *, temperature: Any = 0.07) -> Any:
    """InfoNCE of the embeddings of the same samples in both models.

    With c(i, j) = cos(sᵢ, tⱼ) / T, half the sum of −log softmax over j of c(i, j) and
    −log softmax over j of c(j, i), both at j = i: the teacher's embedding of sample i
    shall be found among those of the batch, and the student's too.

    Args:
        teacher: Float32 tensor of shape `(N, dimensions)`.
        student: Float32 tensor of shape `(N, dimensions)`.
        temperature: T, a number above 0 or a scalar tensor. Defaults to 0.07.

    Returns:
        A float32 tensor of shape `(N,)`; 0 for a batch of one sample.

    Example:
    ```python
    teacher, student = tf.random.normal((8, 16)), tf.random.normal((8, 16))
    loss = contrast(teacher, student)
    ```
    """
    s = tf.math.l2_normalize(student, axis=1, epsilon=1e-14)
    t = tf.math.l2_normalize(teacher, axis=1, epsilon=1e-14)
    closeness = tf.matmul(s, t, transpose_b=True) / tf.cast(temperature, tf.float32)
    found = tf.linalg.diag_part(tf.nn.log_softmax(closeness, axis=1))
    found_back = tf.linalg.diag_part(tf.nn.log_softmax(closeness, axis=0))
    return -(found + found_back) / 2.0


class ContrastiveDistillation(FeatureLoss):
    """Teaches the student to tell samples apart as the teacher does.

    After Tian, Krishnan and Isola, "Contrastive Representation Distillation", 2019,
    https://arxiv.org/abs/1910.10699, but **not the loss of the paper**: that draws
    thousands of negatives from memory banks of all training samples, which need the
    number of each sample, and uses a noise-contrastive estimate. Here the other samples
    of the batch are the negatives and the loss is InfoNCE, so it wants batches of some
    hundred samples, and results published for the paper do not carry over. Samples of
    the same class count as negatives too. On several devices a batch is that of one
    device.

    Both models' features pass through learned projections to embeddings of length 1,
    which are trained with the student and dropped from the result.

    Args:
        teacher_layer_name: Name of a layer of the teacher, or a sequence of them; the
            features before the last layer are usual. None, the default, takes the final
            outputs.
        student_layer_name: As many names of layers of the student.
        dimensions: Length of an embedding, 1 or more. Defaults to 128.
        temperature: T, a number above 0, or a schedule of it. Defaults to 0.07.

    Raises:
        ArgumentError: If a number is out of range, or one layer name is given without
            the other.

    Example:
    ```python
    loss = tfc.distillation.ContrastiveDistillation("embedding", "embedding")
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=0.8)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        dimensions: int = 128,
        temperature: Any = 0.07,
    ):
        super().__init__(teacher_layer_name, student_layer_name)
        if not isinstance(dimensions, int) or dimensions < 1:
            raise ArgumentError(
                "dimensions must be a whole number of 1 or more. "
                f"Received: dimensions={dimensions!r}"
            )
        self.dimensions = dimensions
        self._temperature = ScheduledValue(
            temperature,
            "temperature",
            allowed=lambda number: 0 < number < math.inf,
            expected="a number above 0",
        )

    @property
    def temperature(self) -> Any:
        """T: a number or a schedule."""
        value = self._temperature
        return value.get_config() if value.is_constant else value.schedule

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the loss of each sample, of shape `(batch,)`."""
        return contrast(teacher, student, temperature=self._temperature())

    def build_regressors(
        self, teacher: Shape, student: Shape, library: Any, name: str
    ) -> list[Any]:
        """Returns the projections of a pair: the student's and the teacher's."""
        embedding = (None, self.dimensions)
        return [
            build_regressor(student, embedding, library, f"{name}_of_student"),
            build_regressor(teacher, embedding, library, f"{name}_of_teacher"),
        ]

    def project(
        self, teacher: Any, student: Any, regressors: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Returns the embeddings of both."""
        of_student, of_teacher = regressors
        return of_teacher(teacher), of_student(student)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes of embeddings, or returns None."""
        if len(teacher) == 2 and are_equal(teacher, student):
            return None
        return "build makes the projections to embeddings, and must be called first"

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            **super().get_config(),
            "dimensions": self.dimensions,
            "temperature": self._temperature.get_config(),
        }
