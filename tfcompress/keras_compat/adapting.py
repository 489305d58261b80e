"""What an object of one Keras does inside a class of the other.

Mixins: each is put before the base class of the Keras that is to take the object.
"""

from typing import Any


class ComputesLoss:
    """Computes `self.loss`, which does its own reduction."""

    loss: Any

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of a batch."""
        return self.loss(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each sample."""
        return self.loss.call(y_true, y_pred)


class ComputesMetric:
    """Computes a metric.

    Args:
        metric: Metric of the other Keras.
    """

    def __init__(self, metric: Any) -> None:
        super().__init__(name=metric.name)  # type: ignore[call-arg]
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


class ComputesSchedule:
    """Computes a learning-rate schedule.

    Args:
        schedule: Schedule of the other Keras.
    """

    def __init__(self, schedule: Any) -> None:
        self.schedule = schedule

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate at a step."""
        return self.schedule(step)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {"schedule": self.schedule}


class ReadsDataset:
    """Reads batches from a dataset with a length.

    Args:
        dataset: `PyDataset` or `Sequence` of the other Keras.
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


class ForwardsEvents:
    """Hands every event of `fit`, `evaluate` and `predict` on to `self.callback`.

    Args:
        callback: Callback of the other Keras.
    """

    def __init__(self, callback: Any) -> None:
        super().__init__()
        self.callback = callback

    def set_params(self, params: Any) -> None:
        """Hands on the parameters of the run."""
        super().set_params(params)  # type: ignore[misc]
        self.callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hands on the model that is trained."""
        super().set_model(model)  # type: ignore[misc]
        self.callback.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_train_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_test_begin(logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_test_end(logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_test_batch_end(batch, logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_predict_begin(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_predict_end(logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_predict_batch_begin(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hands the event on."""
        self.callback.on_predict_batch_end(batch, logs)
