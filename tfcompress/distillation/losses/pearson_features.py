"""Pearson distillation of features: their pattern counts, not their size."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, LayerNames
from tfcompress.distillation.losses.feature_maps import mean_of_sample


def pearson_difference(teacher: Any, student: Any) -> Any:
    """Squared difference of standardised features.

    mean((zₛ − zₜ)²) / 2 over the elements of a sample, where z is a channel less its
    mean, divided by its standard deviation, over all samples and positions of the
    batch. The mean over the batch is 1 − r, with r Pearson's correlation of a channel
    of the student with that of the teacher, averaged over channels.

    Args:
        teacher: Float32 tensor of shape `(batch, ..., channels)`.
        student: Float32 tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch,)`.

    Example:
    ```python
    teacher, student = tf.random.normal((2, 4, 4, 8)), tf.random.normal((2, 4, 4, 8))
    loss = pearson_difference(teacher, student)
    ```
    """
    difference = _standardised(student) - _standardised(teacher)
    return mean_of_sample(tf.square(difference)) / 2.0


class PearsonFeatures(FeatureLoss):
    """Teaches the student the pattern of the teacher's features, whatever their size.

    Cao et al., "PKD: General Distillation Framework for Object Detectors via Pearson
    Correlation Coefficient", 2022, https://arxiv.org/abs/2207.02039. For detectors, on
    each level of the feature pyramid, where weights of 6 to 10 are usual; teacher and
    student may be detectors of different kinds. The standard deviation is that of the
    batch itself (divided by n), so that the mean is 1 − r exactly.

    Args:
        teacher_layer_name: Name of a layer of the teacher, or a sequence of them. None,
            the default, takes the final outputs.
        student_layer_name: As many names of layers of the student.
        regressor: `"auto"`, the default, learns a regressor where shapes differ;
            `"always"` learns one also where they are equal, None never.

    Raises:
        ArgumentError: If one layer name is given without the other.

    Example:
    ```python
    levels = ["level3", "level4", "level5"]
    loss = tfc.distillation.PearsonFeatures(levels, levels)
    distiller = tfc.Distiller(teacher, student, loss, distillation_loss_weights=6)
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        regressor: str | None = "auto",
    ):
        super().__init__(teacher_layer_name, student_layer_name, regressor=regressor)

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the difference of each sample, of shape `(batch,)`."""
        return pearson_difference(teacher, student)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {**super().get_config(), "regressor": self.regressor}


def _standardised(features: Any) -> Any:
    axes = list(range(features.shape.rank - 1))
    centred = features - tf.reduce_mean(features, axis=axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=axes, keepdims=True)
    return centred * tf.math.rsqrt(tf.maximum(variance, 1e-12))
