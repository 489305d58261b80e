"""A callback that tells how far a training has come."""

import functools
from collections.abc import Callable
from typing import Any


def progress_callback(
    library: Any,
    move: Callable[[float, int], None],
    finish: Callable[[], None] | None = None,
) -> Any:
    """Returns a callback that says, before each batch, how much of `fit` is done.

    Args:
        library: The Keras of the model that is trained: `keras` or `tf_keras`.
        move: Called with the share of the training steps done, from 0 to 1, and with
            their number. Where the steps of an epoch are not known yet, the share is
            that of the epochs.
        finish: Called when the training ends, or None.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import progress_callback

    callback = progress_callback(keras, lambda progress, step: None)
    ```
    """
    return _callback_class(library)(move, finish)


@functools.cache
def _callback_class(library: Any) -> type:
    base: Any = library.callbacks.Callback

    class Progress(base):
        """Tells how far a training has come."""

        def __init__(
            self,
            move: Callable[[float, int], None],
            finish: Callable[[], None] | None,
        ):
            super().__init__()
            self.move = move
            self.finish = finish
            self._epoch = 0
            self._steps: int | None = None
            self._seen = 0

        def on_train_begin(self, logs: Any = None) -> None:
            self._steps = self.params["steps"]

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch = epoch
            self._seen = 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            epochs = self.params["epochs"]
            if self._steps:
                done = self._epoch * self._steps + batch
                self.move(min(done / (epochs * self._steps), 1.0), done)
            else:
                self.move(self._epoch / epochs, batch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._seen = batch + 1

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._steps = self._steps or self._seen

        def on_train_end(self, logs: Any = None) -> None:
            if self.finish is not None:
                self.finish()

    return Progress
