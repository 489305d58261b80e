"""Training objects of Keras 3, and the user's own, as tf_keras takes them."""

from typing import Any

import tf_keras

from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.events import ForwardsEvents


class AdaptedLoss(tf_keras.losses.Loss):
    """Computes a Keras 3 loss, which does its own reduction.

    Args:
        loss: A `keras.losses.Loss`.
    """

    def __init__(self, loss: Any) -> None:
        whole = loss.reduction == "sum_over_batch_size"
        reduction = tf_keras.losses.Reduction
        super().__init__(reduction.AUTO if whole else reduction.SUM, loss.name)
        self.loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of a batch."""
        return self.loss(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each sample."""
        return self.loss.call(y_true, y_pred)


class AdaptedMetric(tf_keras.metrics.Metric):
    """Computes a Keras 3 metric.

    Args:
        metric: A `keras.metrics.Metric`.
    """

    def __init__(self, metric: Any) -> None:
        super().__init__(name=metric.name)
        self.metric = metric

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch."""
        self.metric.update_state(*args, **kwargs)

    def result(self) -> Any:
        """Returns the value so far."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Starts again."""
        self.metric.reset_state()


class AdaptedSchedule(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Computes a learning-rate schedule of Keras 3.

    Args:
        schedule: A `keras.optimizers.schedules.LearningRateSchedule`.
    """

    def __init__(self, schedule: Any) -> None:
        self.schedule = schedule

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate at a step."""
        return self.schedule(step)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"schedule": self.schedule}


class AdaptedDataset(tf_keras.utils.Sequence):
    """Reads batches from a `keras.utils.PyDataset`.

    Args:
        dataset: What gives the batches.
    """

    def __init__(self, dataset: Any) -> None:
        super().__init__()
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[index]

    def on_epoch_end(self) -> None:
        """Hands the event on."""
        self.dataset.on_epoch_end()


class AdaptedCallback(ForwardsEvents, tf_keras.callbacks.Callback):
    """Hands the events of a tf_keras model on to a Keras 3 callback.

    Args:
        callback: A `keras.callbacks.Callback`.
    """

    def __init__(self, callback: Any) -> None:
        super().__init__()
        self.callback = callback

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
