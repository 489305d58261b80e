"""Training objects of tf_keras, and the user's own, as Keras 3 takes them."""

from typing import Any

import keras

from tfcompress.keras_compat.events import ForwardsEvents


class AdaptedLoss(keras.losses.Loss):
    """Computes a tf_keras loss, which does its own reduction.

    Args:
        loss: A `tf_keras.losses.Loss`.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__(name=loss.name)
        self.loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of a batch."""
        return self.loss(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each sample."""
        return self.loss.call(y_true, y_pred)


class AdaptedMetric(keras.metrics.Metric):
    """Computes a tf_keras metric.

    Args:
        metric: A `tf_keras.metrics.Metric`.
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


class AdaptedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Computes a learning-rate schedule of tf_keras.

    Args:
        schedule: A `tf_keras.optimizers.schedules.LearningRateSchedule`.
    """

    def __init__(self, schedule: Any) -> None:
        self.schedule = schedule

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate at a step."""
        return self.schedule(step)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"schedule": self.schedule}


class AdaptedDataset(keras.utils.PyDataset):
    """Reads batches from a `tf_keras.utils.Sequence`.

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


class AdaptedCallback(ForwardsEvents, keras.callbacks.Callback):
    """Hands the events of a Keras 3 model on to a tf_keras callback.

    Args:
        callback: A `tf_keras.callbacks.Callback`.
    """

    def __init__(self, callback: Any) -> None:
        super().__init__()
        self.callback = callback
