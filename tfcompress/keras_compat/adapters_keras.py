"""Training objects of tf_keras, and the user's own, as Keras 3 takes them."""

from typing import Any

import keras

from tfcompress.keras_compat import adapting


class AdaptedLoss(adapting.ComputesLoss, keras.losses.Loss):
    """A tf_keras loss.

    Args:
        loss: A `tf_keras.losses.Loss`.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__(name=loss.name)
        self.loss = loss


class AdaptedMetric(adapting.ComputesMetric, keras.metrics.Metric):
    """A tf_keras metric."""


class AdaptedSchedule(
    adapting.ComputesSchedule, keras.optimizers.schedules.LearningRateSchedule
):
    """A learning-rate schedule of tf_keras."""


class AdaptedDataset(adapting.ReadsDataset, keras.utils.PyDataset):
    """A `tf_keras.utils.Sequence`."""


class AdaptedCallback(adapting.ForwardsEvents, keras.callbacks.Callback):
    """A tf_keras callback, which hears of a Keras 3 model."""
