"""The callback that prunes as training goes on."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from tfcompress import keras_compat
from tfcompress.keras_compat import internals, tfmot_layers
from tfcompress.pruning.renewal import renew

STEPS_OF_THE_WAY = 100


def move_masks(layers: Sequence[Any], way: float) -> None:
    """Moves the masks of layers being pruned, and masks their kernels.

    Args:
        layers: Layers being pruned.
        way: Which share of its goal each layer shall have reached, from 0 to 1.
    """
    _renew(layers, way)
    for layer in layers:
        layer.mask_kernels()


def build_callback(way: Callable[[float, int], float]) -> Any:
    """Returns the tf_keras callback that prunes as training goes on.

    Before a step it renews the masks of the layers being pruned, at most a hundred
    times on the way to their goals and never so that a zero comes back. At the end of
    an epoch the kernels themselves are masked, for files that are written then.

    Args:
        way: Takes the share of the training that a step completes, and its number from
            1 on; returns which share of their goals the layers shall have reached.
    """
    return _callback_class()(way)


def is_due(way: float, reached: float) -> bool:
    """Returns whether masks are to be renewed.

    Args:
        way: Which share of their goals they shall have reached.
        reached: Which share they have reached.
    """
    return way == 1 > reached or way >= reached + 1 / STEPS_OF_THE_WAY


@functools.cache
def _callback_class() -> type:
    base: Any = keras_compat.tf_keras().callbacks.Callback

    class MoveMasks(base):
        """Moves the masks of a model towards their goals."""

        def __init__(self, way: Callable[[float, int], float]):
            super().__init__()
            self.way = way
            self._layers: list[Any] = []
            self._epoch = 0
            self._steps = 0  # Done since the model was wrapped.
            self._steps_before_epoch = 0
            self._steps_of_epoch: int | None = None
            self._reached = 0.0
            self._begun = False
            self._warned = False

        def set_model(self, model: Any) -> None:
            super().set_model(model)
            self._layers = tfmot_layers.pruned_layers(model)

        def on_train_begin(self, logs: Any = None) -> None:
            self._steps = max([0, *(layer.steps for layer in self._layers)])
            self._steps_of_epoch = self.params["steps"]
            self._reached = 0.0
            self._begun = False
            self._warned = False

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._begun = True
            steps = self._steps_of_epoch
            if steps:
                if epoch and not self._reached:
                    self._reached = self._reached_before(epoch, steps)
                self._steps = max(self._steps, epoch * steps)
                total = self._steps + (self.params["epochs"] - epoch) * steps
                self._check_schedule(total)
            self._epoch = epoch
            self._steps_before_epoch = self._steps

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            done = batch + internals.steps_per_execution(self.model)
            step = self._steps_before_epoch + done
            way = min(self.way(self._progress(done), step), 1.0)
            if is_due(way, self._reached):
                self._reached = way
                _renew(self._layers, way)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._steps = self._steps_before_epoch + batch + 1

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._steps_of_epoch = self._steps - self._steps_before_epoch
            move_masks(self._layers, self._reached)
            for layer in self._layers:
                layer.pruning_step.assign(self._steps)

        def on_train_end(self, logs: Any = None) -> None:
            # A training that goes on after its last epoch has nothing left to do.
            if self._begun and self._reached < 1 and self._layers:
                self._warn(
                    f"Training stopped after {self._steps} steps,", self._reached
                )

        def _reached_before(self, epoch: int, steps: int) -> float:
            """Returns how far a training had come that goes on at this epoch."""
            reached = 0.0
            if {layer.steps for layer in self._layers} != {epoch * steps}:
                return 0.0
            each = internals.steps_per_execution(self.model)
            for earlier in range(epoch):
                for batch in range(0, steps, each):
                    done = earlier * steps + min(batch + each, steps)
                    share = done / (self.params["epochs"] * steps)
                    way = min(self.way(share, done), 1.0)
                    reached = way if is_due(way, reached) else reached
            # Another training may have brought the masks here.
            same = next(renew(self._layers, reached), None) is None
            return reached if same else 0.0

        def _progress(self, done: int) -> float:
            """Returns the share of the training that is done with this epoch's step."""
            epochs, steps = self.params["epochs"], self._steps_of_epoch
            if not steps:
                return (self._epoch + 1) / epochs
            return min(1.0, (self._epoch * steps + done) / (epochs * steps))

        def _check_schedule(self, steps: int) -> None:
            way = self.way(1.0, steps)
            if way < 1 and self._layers:
                self._warn(f"This training ends at step {steps},", way)

        def _warn(self, what: str, way: float) -> None:
            if not self._warned:
                warnings.warn(
                    f"{what} before the schedule of the pruning does: {way:.0%} of the "
                    "way. finalize prunes the rest, without training after it. Train "
                    "longer, let the schedule end sooner, or give EarlyStopping a "
                    "start_from_epoch.",
                    stacklevel=2,
                )
            self._warned = True

    return MoveMasks


def _renew(layers: Sequence[Any], way: float) -> None:
    for weight, mask in renew(layers, way):
        weight.mask.assign(mask.astype(weight.mask.dtype.name))
