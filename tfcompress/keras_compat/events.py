"""Events of a callback, handed on to another object."""

from typing import Any


class ForwardsEvents:
    """Hands every event of `fit`, `evaluate` and `predict` on to `self.callback`.

    A mixin for a callback class of either Keras, around a callback of the other.
    """

    callback: Any

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
