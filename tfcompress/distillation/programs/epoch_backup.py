"""Training that goes on where it was killed, epoch by epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcompress.distillation.programs.callback_states import CallbackStates
from tfcompress.distillation.programs.weight_files import read_arrays, write_arrays
from tfcompress.errors import OutputError
from tfcompress.keras_compat.optimizer_state import optimizer_state

_NOTES = {"epoch", "stopped", "history", "callbacks", "optimizer", "variables"}


class EpochBackup(keras.callbacks.Callback):
    """Keeps the logs of a fit, and all it needs to go on after the last full epoch.

    Weights, optimizer, random states of Keras 3 layers, what other callbacks have come
    to hold (see `CallbackStates`), logs and the number of the epoch are one file that
    is replaced whole, so that they always belong together. `BackupAndRestore` of Keras
    writes several files, one after the other, and leaves out other callbacks. Give it
    to `fit` as the last callback, with `initial_epoch=backup.epoch` and
    `epochs=backup.epochs(9)`; it serves models of either Keras.

    Args:
        path: The `.npz` file, or None to keep the logs alone.
        callbacks: The callbacks whose state belongs to the training, such as
            `EarlyStopping`. They too are given to `fit`, before this one.

    Attributes:
        epoch: Number of epochs done.
        stopped: Whether a callback has stopped the training there.
        history: For each name in the logs, its value after each epoch, the mean where
            it is several.

    Raises:
        OutputError: If the file is damaged, or of another training.

    Example:
    ```python
    from pathlib import Path

    import keras
    from tfcompress.distillation.programs.epoch_backup import EpochBackup

    stopping = keras.callbacks.EarlyStopping("loss", patience=2)
    backup = EpochBackup(Path("backup.npz"), [stopping])
    model.fit(
        x,
        y,
        epochs=backup.epochs(9),
        initial_epoch=backup.epoch,
        callbacks=[stopping, backup],
    )
    ```
    """

    def __init__(self, path: Path | None, callbacks: Sequence[Any] = ()):
        super().__init__()
        self.path = path
        self.epoch = 0
        self.stopped = False
        self.history: dict[str, list[float]] = {}
        self._others = CallbackStates(callbacks)
        self._held: list[Any] = []
        self._arrays: list[np.ndarray] = []
        self._of: list[Any] = []
        if path is not None and path.exists():
            self._arrays, notes = read_arrays(path)
            if set(notes) != _NOTES:
                raise _other_training("it was written in another way", path)
            self.epoch, self.history = notes["epoch"], notes["history"]
            self.stopped, self._held = notes["stopped"], notes["callbacks"]
            self._of = [notes["optimizer"], notes["variables"]]

    def epochs(self, wanted: int) -> int:
        """Returns how many epochs to tell `fit`: those done, if it was stopped there.

        Args:
            wanted: The epochs of the whole training, where nothing stops it.
        """
        return self.epoch if self.stopped else wanted

    def on_train_begin(self, logs: Any = None) -> None:
        """Puts weights, optimizer and the other callbacks where they were."""
        if self.path is not None:
            self._others.begin()
        if self._arrays:
            self.model.optimizer.build(self.model.trainable_variables)
            state = self._state()
            arrays = self._arrays[: len(state)]
            if self._of != [self._optimizer(), len(state)]:
                raise _other_training(
                    "its optimizer is another, or it has other weights", self.path
                )
            if [tuple(v.shape) for v in state] != [a.shape for a in arrays]:
                raise _other_training("its weights have other shapes", self.path)
            for variable, array in zip(state, arrays, strict=True):
                variable.assign(tf.cast(array, variable.dtype))
            self._others.restore(self._held, self._arrays[len(state) :])
            self._arrays, self._held = [], []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps where the training is."""
        self.epoch, self.stopped = epoch + 1, bool(self.model.stop_training)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(np.mean(value)))
        if self.path is not None:
            arrays: list[np.ndarray] = []
            weights = [variable.numpy() for variable in self._state()]
            notes = {
                "epoch": self.epoch,
                "stopped": self.stopped,
                "history": self.history,
                "callbacks": self._others.keep(arrays),
                "optimizer": self._optimizer(),
                "variables": len(weights),
            }
            write_arrays(self.path, [*weights, *arrays], notes)

    def _state(self) -> list[Any]:
        measured = {id(v) for metric in self.model.metrics for v in metric.variables}
        own = [v for v in self.model.variables if id(v) not in measured]
        return [*own, *optimizer_state(self.model.optimizer)]

    def _optimizer(self) -> str:
        return type(self.model.optimizer).__name__


def _other_training(why: str, path: Path | None) -> OutputError:
    return OutputError(
        f"The file must be of this training: {why}. "
        f"Remove it, and the training starts again. Received: {path}"
    )
