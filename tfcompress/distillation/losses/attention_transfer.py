"""Attention transfer: where in the picture the teacher looks."""

from numbers import Real
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames, Shape
from tfcompress.distillation.losses.feature_maps import flatten_samples, pool_to_smaller
from tfcompress.errors import ArgumentError

_MODES = ("squared", "norm")


def attention_map(features: Any, *, power: float = 2.0) -> Any:
    """Where a feature map is strong: the L2-normalised mean of |f|^p over channels.

    a = v / ‖v‖₂ with v = mean over channels of |f|^p, flattened over positions.

    Args:
        features: Float32 tensor of shape `(batch, *spatial, channels)`.
        power: p, 1 or more; the larger, the more the strongest channel counts. Defaults
            to 2.

    Returns:
        A float32 tensor of shape `(batch, positions)`, each row of length 1.

    Example:
    ```python
    attention_map(tf.random.normal((2, 4, 4, 8))).shape  # (2, 16)
    ```
    """
    strength = tf.reduce_mean(tf.pow(tf.abs(features), power), axis=-1)
    return tf.math.l2_normalize(flatten_samples(strength), axis=1, epsilon=1e-24)


def attention_difference(
    teacher: Any, student: Any, *, power: float = 2.0, mode: str = "squared"
) -> Any:
    """Difference of the attention maps of two feature maps.

    mean((aₛ − aₜ)²) over positions, or with mode `"norm"` ‖aₛ − aₜ‖₂. The larger map
    is first averaged down to the smaller.

    Args:
        teacher: Float32 tensor of shape `(batch, *spatial, channels)`.
        student: The same with as many spatial axes; sizes and channels may differ.
        power: p of `attention_map`. Defaults to 2.
        mode: `"squared"`, the default, or `"norm"`.

    Returns:
        A float32 tensor of shape `(batch,)`.

    Example:
    ```python
    teacher, student = tf.random.normal((2, 8, 8, 32)), tf.random.normal((2, 4, 4, 8))
    loss = attention_difference(teacher, student)
    ```
    """
    teacher, student = pool_to_smaller(teacher, student)
    difference = attention_map(student, power=power) - attention_map(
        teacher, power=power
    )
    if mode == "squared":
        return tf.reduce_mean(tf.square(difference), axis=1)
    square = tf.reduce_sum(tf.square(difference), axis=1)
    return tf.sqrt(tf.maximum(square, 1e-12))  # At 0 a root has no gradient.


class AttentionTransfer(FeatureLoss):
    """Teaches the student to look where the teacher looks.

    Zagoruyko and Komodakis, "Paying More Attention to Attention", 2016,
    https://arxiv.org/abs/1612.03928. Numbers of channels may differ, and no regressor
    is needed. Several pairs of layers, one for each stage, are added. The usual weight
    of the mode `"squared"`, which is what the authors' code computes, is 1000 beside a
    cross-entropy of weight 1. Good between networks of one family; between families it
    can do harm.

    Args:
        teacher_layer_name: Name of a layer that gives a feature map, or a sequence of
            them. None, the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.
        power: p of the mean of |f|^p over channels, 1 or more. Defaults to 2.
        mode: `"squared"`, the default, the mean of squared differences over positions;
            `"norm"`, the norm of the difference, as equation 2 of the paper writes.

    Raises:
        ArgumentError: If the power is below 1, the mode is not known, or one layer name
            is given without the other.

    Example:
    ```python
    loss = tfc.distillation.AttentionTransfer(
        ["stage1", "stage2", "stage3"], ["stage1", "stage2", "stage3"]
    )
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=1000)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        power: float = 2.0,
        mode: str = "squared",
    ):
        super().__init__(teacher_layer_name, student_layer_name)
        given: Any = power
        if not isinstance(given, Real) or not 1 <= power < float("inf"):
            raise ArgumentError(
                f"power must be a number of 1 or more. Received: power={power!r}"
            )
        if mode not in _MODES:
            raise ArgumentError(
                f"mode must be one of {_MODES}. Received: mode={mode!r}"
            )
        self.power = float(power)
        self.mode = mode

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the difference of the attention maps, of shape `(batch,)`."""
        return attention_difference(teacher, student, power=self.power, mode=self.mode)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        return map_misfit(teacher, student)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {**super().get_config(), "power": self.power, "mode": self.mode}


def map_misfit(teacher: Shape, student: Shape) -> str | None:
    """Says why two shapes are not those of maps with the same axes, or returns None.

    Args:
        teacher: Shape of the teacher's features.
        student: Shape of the student's.
    """
    if len(teacher) == len(student) > 2:
        return None
    return (
        "they must be maps of shape (batch, *spatial, channels) with as many spatial "
        "axes on both sides; name layers before the pooling or flattening"
    )
