"""Training objects of Keras 3, and the user's own, as tf_keras takes them."""

from typing import Any

import tf_keras

from tfcompress.keras_compat import adapting, internals, modules


class AdaptedLoss(adapting.ComputesLoss, tf_keras.losses.Loss):
    """A Keras 3 loss.

    Args:
        loss: A `keras.losses.Loss`.
    """

    def __init__(self, loss: Any) -> None:
        whole = loss.reduction == "sum_over_batch_size"
        reduction = tf_keras.losses.Reduction
        super().__init__(reduction.AUTO if whole else reduction.SUM, loss.name)
        self.loss = loss


class AdaptedMetric(adapting.ComputesMetric, tf_keras.metrics.Metric):
    """A Keras 3 metric."""


class AdaptedSchedule(
    adapting.ComputesSchedule, tf_keras.optimizers.schedules.LearningRateSchedule
):
    """A learning-rate schedule of Keras 3."""


class AdaptedDataset(adapting.ReadsDataset, tf_keras.utils.Sequence):
    """A `keras.utils.PyDataset`."""


class AdaptedCallback(adapting.ForwardsEvents, tf_keras.callbacks.Callback):
    """A Keras 3 callback, which hears of a tf_keras model."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Hands the event on, having settled what `mode="auto"` means.

        Keras 3 would look for the direction in metrics of its own.
        """
        callbacks = modules.keras().callbacks
        watching = (
            callbacks.EarlyStopping,
            callbacks.ModelCheckpoint,
            callbacks.ReduceLROnPlateau,
        )
        if isinstance(self.callback, watching) and self.callback.mode == "auto":
            self.callback.mode = _direction(self.callback.monitor, self.model)
        super().on_train_begin(logs)

    def _implements_train_batch_hooks(self) -> bool:
        return internals.overrides_events(self.callback, "train_batch", "batch")

    def _implements_test_batch_hooks(self) -> bool:
        return internals.overrides_events(self.callback, "test_batch")

    def _implements_predict_batch_hooks(self) -> bool:
        return internals.overrides_events(self.callback, "predict_batch")


def _direction(monitor: str, model: Any) -> str:
    """Returns whether a metric is better when it is lower or higher."""
    name = monitor.removeprefix("val_")
    for metric in model.metrics:
        if metric.name == name and internals.metric_direction(metric) is not None:
            return "max" if internals.metric_direction(metric) == "up" else "min"
    return "max" if name.endswith(("acc", "accuracy", "auc")) else "min"
