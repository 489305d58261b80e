"""Training that goes on where it was killed, epoch by epoch."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcompress.distillation.programs.weight_files import read_arrays, write_arrays
from tfcompress.errors import OutputError


class EpochBackup(keras.callbacks.Callback):
    """Keeps the logs of a fit, and all it needs to go on after the last full epoch.

    Weights, optimizer, random states of Keras 3 layers, logs and the number of the
    epoch are one file that is replaced whole, so that they always belong together.
    `BackupAndRestore` of Keras writes several files, one after the other. Give it to
    `fit` as the last callback, with `initial_epoch=backup.epoch`; it serves models of
    either Keras.

    Args:
        path: The `.npz` file, or None to keep the logs alone.

    Attributes:
        epoch: Number of epochs done.
        history: For each name in the logs, its value after each epoch.

    Raises:
        OutputError: If the file is damaged, or of another training.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.distillation.programs.epoch_backup import EpochBackup

    backup = EpochBackup(Path("backup.npz"))
    model.fit(x, y, epochs=9, initial_epoch=backup.epoch, callbacks=[backup])
    ```
    """

    def __init__(self, path: Path | None):
        super().__init__()
        self.path = path
        self.epoch = 0
        self.history: dict[str, list[float]] = {}
        self._arrays: list[np.ndarray] = []
        if path is not None and path.exists():
            self._arrays, notes = read_arrays(path)
            self.epoch, self.history = notes["epoch"], notes["history"]

    def on_train_begin(self, logs: Any = None) -> None:
        """Puts the weights and the optimizer where they were."""
        if self._arrays:
            self.model.optimizer.build(self.model.trainable_variables)
            state = self._state()
            if [tuple(v.shape) for v in state] != [a.shape for a in self._arrays]:
                raise OutputError(
                    "The file must be of this training: its weights have other shapes. "
                    f"Remove it, and the training starts again. Received: {self.path}"
                )
            for variable, array in zip(state, self._arrays, strict=True):
                variable.assign(tf.cast(array, variable.dtype))
            self._arrays = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps where the training is."""
        self.epoch = epoch + 1
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if self.path is not None:
            arrays = [variable.numpy() for variable in self._state()]
            notes = {"epoch": self.epoch, "history": self.history}
            write_arrays(self.path, arrays, notes)

    def _state(self) -> list[Any]:
        measured = {id(v) for metric in self.model.metrics for v in metric.variables}
        own = [v for v in self.model.variables if id(v) not in measured]
        return [*own, *self.model.optimizer.variables]
