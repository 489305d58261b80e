"""Relational distillation: distances and angles among the samples of a batch."""

import math
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames, Shape
from tfcompress.distillation.losses.feature_maps import flatten_samples, mean_or_zero
from tfcompress.distillation.losses.scheduled_value import ScheduledValue
from tfcompress.distillation.losses.similarity_preserving import sample_misfit


def distance_difference(teacher: Any, student: Any) -> Any:
    """Difference of the distances among the samples of a batch.

    mean over i, j of huber(dₛ(i, j) − dₜ(i, j)), where d(i, j) = ‖fᵢ − fⱼ‖ divided by
    its mean over all pairs that differ, and huber(x) = x²/2 up to 1 and |x| − 1/2
    beyond.

    Args:
        teacher: Float32 tensor of shape `(N, ...)`.
        student: Float32 tensor of shape `(N, ...)`, the rest of any other shape.

    Returns:
        A float32 scalar; 0 for a batch of one sample.

    Example:
    ```python
    teacher, student = tf.random.normal((8, 64)), tf.random.normal((8, 16))
    loss = distance_difference(teacher, student)
    ```
    """
    return mean_or_zero(
        _huber(_relative_distances(student), _relative_distances(teacher))
    )


def angle_difference(teacher: Any, student: Any) -> Any:
    """Difference of the angles among the samples of a batch.

    mean over i, j, k of huber(aₛ(i, j, k) − aₜ(i, j, k)), where a(i, j, k) is the
    cosine of the angle at sample i between samples j and k.

    Args:
        teacher: Float32 tensor of shape `(N, ...)`.
        student: Float32 tensor of shape `(N, ...)`, the rest of any other shape.

    Returns:
        A float32 scalar; 0 for a batch of one sample.

    Example:
    ```python
    teacher, student = tf.random.normal((8, 64)), tf.random.normal((8, 16))
    loss = angle_difference(teacher, student)
    ```
    """
    return mean_or_zero(_huber(_angles(student), _angles(teacher)))


class RelationalDistillation(FeatureLoss):
    """Teaches the student how the samples of a batch lie to each other.

    Park et al., "Relational Knowledge Distillation", 2019,
    https://arxiv.org/abs/1904.05068: distance_weight times the difference of distances
    plus angle_weight times that of angles. The defaults are those of classification
    beside a cross-entropy of weight 1; the authors take 1 and 2 for metric learning.
    Features may have any shapes; embeddings are best, for memory grows with N² times
    the numbers of a sample, and with N³ for the angles of a batch of N. The loss is one
    number for the batch, so weights of samples do not enter.

    Args:
        teacher_layer_name: Name of a layer of the teacher, or a sequence of them. None,
            the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.
        distance_weight: Weight of the distances, 0 or more, or a schedule of it.
            Defaults to 25.
        angle_weight: Weight of the angles, 0 or more, or a schedule of it. Defaults to
            50. At 0 they are not computed.

    Raises:
        ArgumentError: If a weight is below 0, or one layer name is given without the
            other.

    Example:
    ```python
    loss = tfc.distillation.RelationalDistillation("embedding", "embedding")
    distiller = tfc.Distiller(teacher, student, loss)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        distance_weight: Any = 25.0,
        angle_weight: Any = 50.0,
    ):
        super().__init__(teacher_layer_name, student_layer_name)
        self._distance_weight = _weight(distance_weight, "distance_weight")
        self._angle_weight = _weight(angle_weight, "angle_weight")

    @property
    def distance_weight(self) -> Any:
        """The weight of the distances: a number or a schedule."""
        return _shown(self._distance_weight)

    @property
    def angle_weight(self) -> Any:
        """The weight of the angles: a number or a schedule."""
        return _shown(self._angle_weight)

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the weighted differences, a scalar."""
        loss = tf.constant(0.0)
        if self.distance_weight != 0:
            loss += self._distance_weight() * distance_difference(teacher, student)
        if self.angle_weight != 0:
            loss += self._angle_weight() * angle_difference(teacher, student)
        return loss

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        return sample_misfit(teacher, student)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            **super().get_config(),
            "distance_weight": self._distance_weight.get_config(),
            "angle_weight": self._angle_weight.get_config(),
        }


def _weight(value: Any, name: str) -> ScheduledValue:
    return ScheduledValue(
        value,
        name,
        allowed=lambda number: 0 <= number < math.inf,
        expected="a number of 0 or more",
    )


def _shown(weight: ScheduledValue) -> Any:
    return weight.get_config() if weight.is_constant else weight.schedule


def _differences(features: Any) -> Any:
    """Returns f_j − f_i in row i and column j, of shape `(N, N, numbers)`."""
    flat = flatten_samples(features)
    return flat[None, :, :] - flat[:, None, :]


def _relative_distances(features: Any) -> Any:
    square = tf.reduce_sum(tf.square(_differences(features)), axis=-1)
    others = 1.0 - tf.eye(tf.shape(square)[0])
    distances = others * tf.sqrt(tf.maximum(square, 1e-12))
    mean = tf.math.divide_no_nan(tf.reduce_sum(distances), tf.reduce_sum(others))
    return tf.math.divide_no_nan(distances, mean)


def _angles(features: Any) -> Any:
    directions = tf.math.l2_normalize(_differences(features), axis=-1, epsilon=1e-12)
    return tf.matmul(directions, directions, transpose_b=True)


def _huber(first: Any, second: Any) -> Any:
    difference = tf.abs(first - second)
    return tf.where(difference <= 1.0, 0.5 * tf.square(difference), difference - 0.5)
