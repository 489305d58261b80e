"""Channel-wise distillation: where in the picture each channel fires."""

import math
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.attention_transfer import map_misfit
from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames, Shape
from tfcompress.distillation.losses.feature_maps import flatten_positions
from tfcompress.distillation.losses.scheduled_value import ScheduledValue


def channel_divergence(teacher: Any, student: Any, *, temperature: Any = 1.0) -> Any:
    """Divergence of the student's channels, each taken for a softmax over positions.

    T² / C · Σ over channels of Σ over positions of q · (log q − log p), with q and p
    the softmax over positions of the teacher's and the student's channel, each divided
    by T.

    Args:
        teacher: Float32 tensor of shape `(batch, *spatial, channels)`.
        student: Float32 tensor of the same shape.
        temperature: T, a number above 0 or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch,)`, 0 where both agree.

    Example:
    ```python
    teacher, student = tf.random.normal((2, 4, 4, 19)), tf.random.normal((2, 4, 4, 19))
    loss = channel_divergence(teacher, student, temperature=4.0)
    ```
    """
    temperature = tf.cast(temperature, tf.float32)
    log_q = tf.nn.log_softmax(flatten_positions(teacher) / temperature, axis=1)
    log_p = tf.nn.log_softmax(flatten_positions(student) / temperature, axis=1)
    divergence = tf.reduce_sum(tf.exp(log_q) * (log_q - log_p), axis=1)
    return tf.square(temperature) * tf.reduce_mean(divergence, axis=-1)


class ChannelWiseDistillation(FeatureLoss):
    """Teaches the student where each channel of a dense prediction fires.

    Shu et al., "Channel-wise Knowledge Distillation for Dense Prediction", 2020,
    https://arxiv.org/abs/2011.13256. For segmentation on the logits, which are the
    final outputs, T = 1 and a weight of 5 are usual; for detection a weight of 10 on
    each level of the feature pyramid.

    Args:
        teacher_layer_name: Name of a layer that gives a feature map, or a sequence of
            them. None, the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.
        temperature: T, a number above 0, or a schedule of it. Defaults to 1.
        regressor: `"auto"`, the default, learns a regressor where shapes differ;
            `"always"` learns one also where they are equal, None never.

    Raises:
        ArgumentError: If the temperature is not above 0, or one layer name is given
            without the other.

    Example:
    ```python
    loss = tfc.distillation.ChannelWiseDistillation()
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=5)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        temperature: Any = 1.0,
        regressor: str | None = "auto",
    ):
        super().__init__(teacher_layer_name, student_layer_name, regressor=regressor)
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
        """Returns the divergence of each sample, of shape `(batch,)`."""
        return channel_divergence(teacher, student, temperature=self._temperature())

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        return map_misfit(teacher, student) or super().misfit(teacher, student)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            **super().get_config(),
            "temperature": self._temperature.get_config(),
            "regressor": self.regressor,
        }
