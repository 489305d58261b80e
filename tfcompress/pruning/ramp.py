"""How our schedules drive TF-MOT's pruning: a sparsity that a callback moves.

TF-MOT asks its schedule, within the training graph, at each step. Ours answers with
two variables, and the callback, which knows how long the training will be, sets them.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.keras_compat import tfmot_layers
from tfcompress.schedules import Schedule

STEPS_OF_SPARSITY = 100


def build_ramp() -> Any:
    """Returns a TF-MOT pruning schedule whose sparsity is set from outside."""
    return _ramp_class()()


def build_callback(schedule: Schedule) -> Any:
    """Returns the tf_keras callback that prunes as training goes on.

    It moves the sparsity of every ramp in the model along `schedule`, in at most a
    hundred updates of the masks and never downwards, and does what TF-MOT's own
    `UpdatePruningStep` does.

    Args:
        schedule: Sparsity over the training.
    """
    return _callback_class()(schedule)


@functools.cache
def _ramp_class() -> type:
    base: Any = keras_compat.tfmot().sparsity.keras.PruningSchedule

    class Ramp(base):
        """A sparsity set from outside, and whether the masks are to be renewed."""

        def __init__(self) -> None:
            self.sparsity = tf.Variable(0.0, trainable=False, name="sparsity")
            self.due = tf.Variable(False, trainable=False, name="due")

        def __call__(self, step: Any) -> tuple[Any, Any]:
            return self.due.value(), self.sparsity.value()

        def get_config(self) -> dict[str, Any]:
            return {"class_name": "Ramp", "config": {}}

    return Ramp


@functools.cache
def _callback_class() -> type:
    base: Any = keras_compat.tf_keras().callbacks.Callback
    tfmot = keras_compat.tfmot()

    class MoveSparsity(base):
        """Moves the sparsity along a schedule."""

        def __init__(self, schedule: Schedule):
            super().__init__()
            self.schedule = schedule
            self._masks = tfmot.sparsity.keras.UpdatePruningStep()
            self._epoch = 0
            self._ramps: list[Any] = []

        def set_model(self, model: Any) -> None:
            super().set_model(model)
            self._masks.set_model(model)
            self._ramps = list(
                {
                    id(layer.pruning_schedule): layer.pruning_schedule
                    for layer in tfmot_layers.pruned_layers(model)
                }.values()
            )

        def on_train_begin(self, logs: Any = None) -> None:
            self._masks.on_train_begin(logs)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch = epoch

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            # The variables hold float32, in which 0.9 is a little less.
            final = float(np.float32(self.schedule(1.0)))
            sparsity = float(np.float32(self.schedule(self._progress(batch))))
            for ramp in self._ramps:
                before = float(ramp.sparsity)
                arrived = sparsity >= final > before
                due = arrived or sparsity >= before + final / STEPS_OF_SPARSITY
                ramp.due.assign(due)
                if due:
                    ramp.sparsity.assign(min(sparsity, final))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._masks.on_epoch_end(epoch, logs)

        def _progress(self, batch: int) -> float:
            """Returns the share of the training that this step completes."""
            epochs, steps = self.params["epochs"], self.params["steps"]
            if not steps:
                return (self._epoch + 1) / epochs
            return (self._epoch * steps + batch + 1) / (epochs * steps)

    return MoveSparsity
