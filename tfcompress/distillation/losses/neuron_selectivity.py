"""Neuron selectivity transfer: which patterns the teacher's channels respond to."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.attention_transfer import map_misfit
from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames, Shape
from tfcompress.distillation.losses.feature_maps import (
    flatten_positions,
    pool_to_smaller,
)


def selectivity_discrepancy(teacher: Any, student: Any) -> Any:
    """Squared maximum mean discrepancy between two sets of channels.

    mean k(t, t') + mean k(s, s') − 2 · mean k(s, t), over all pairs of channels, each
    channel's map L2-normalised over positions, with the polynomial kernel
    k(a, b) = (a · b)².

    Args:
        teacher: Float32 tensor of shape `(batch, *spatial, channels)`.
        student: The same with as many spatial axes; sizes and channels may differ. The
            larger map is averaged down to the smaller.

    Returns:
        A float32 tensor of shape `(batch,)`, 0 where both have the same channels.

    Example:
    ```python
    teacher, student = tf.random.normal((2, 4, 4, 32)), tf.random.normal((2, 4, 4, 8))
    loss = selectivity_discrepancy(teacher, student)
    ```
    """
    t, s = (_unit_maps(features) for features in pool_to_smaller(teacher, student))
    return _mean_kernel(t, t) + _mean_kernel(s, s) - 2 * _mean_kernel(s, t)


class NeuronSelectivityTransfer(FeatureLoss):
    """Teaches the student channels that respond to the same patterns.

    Huang and Wang, "Like What You Like: Knowledge Distill via Neuron Selectivity
    Transfer", 2017, https://arxiv.org/abs/1707.01219, with the polynomial kernel of
    degree 2. Numbers of channels may differ. The usual weight is 50 beside a
    cross-entropy of weight 1; memory grows with the square of the channels.

    Args:
        teacher_layer_name: Name of a layer that gives a feature map, or a sequence of
            them. None, the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.

    Raises:
        ArgumentError: If one layer name is given without the other.

    Example:
    ```python
    loss = tfc.distillation.NeuronSelectivityTransfer("stage3", "stage3")
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=50)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
    ):
        super().__init__(teacher_layer_name, student_layer_name)

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the discrepancy of each sample, of shape `(batch,)`."""
        return selectivity_discrepancy(teacher, student)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        return map_misfit(teacher, student)


def _unit_maps(features: Any) -> Any:
    return tf.math.l2_normalize(flatten_positions(features), axis=1, epsilon=1e-24)


def _mean_kernel(first: Any, second: Any) -> Any:
    products = tf.matmul(first, second, transpose_a=True)
    return tf.reduce_mean(tf.square(products), axis=[1, 2])
