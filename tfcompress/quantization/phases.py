"""What rounds and what moves, as the training of a quantized model goes on."""

import dataclasses
from typing import Any

from tfcompress import keras_compat
from tfcompress.keras_compat.quantized_graph import (
    activation_ranges,
    rounded_layers,
    steady_layers,
)
from tfcompress.keras_compat.settled_biases import settle_biases


@dataclasses.dataclass(frozen=True)
class Phases:
    """When rounding begins, and when statistics and ranges hold still.

    Attributes:
        start: Share of the training after which rounding begins.
        freeze_batch_norm: Share after which batch normalization holds still, or None.
        freeze_ranges: Share after which ranges hold still, or None.
    """

    start: float
    freeze_batch_norm: float | None
    freeze_ranges: float | None

    def set(self, model: Any, progress: float) -> None:
        """Turns the switches of a quantization-aware model.

        Args:
            model: What `QuantizationAwareTraining.apply` returned.
            progress: Share of the training that is done.
        """
        rounds, steady, fixed = self._phases(progress)
        for layer in rounded_layers(model):
            layer.rounds.assign(int(rounds))
        for layer in activation_ranges(model):
            layer.quantizer_vars["rounds"].assign(int(rounds))
            moves = not fixed and layer.fixed is None
            layer.quantizer_vars["moves"].assign(int(moves))
        for layer in steady_layers(model):
            layer.moves.assign(int(not steady))

    def callback(self) -> Any:
        """Returns the tf_keras callback that turns the switches as `fit` goes on.

        When training ends, however early, everything is rounded, biases too.
        """
        reached: list[tuple[Any, ...]] = []

        def move(progress: float, step: int) -> None:
            state = (id(callback.model), *self._phases(progress))
            if reached != [state]:
                reached[:] = [state]
                self.set(callback.model, progress)

        def finish() -> None:
            reached.clear()
            self.set(callback.model, 1.0)
            settle_biases(callback.model)

        callback = keras_compat.progress_callback(keras_compat.tf_keras(), move, finish)
        return callback

    def _phases(self, progress: float) -> tuple[bool, ...]:
        shares = (self.start, self.freeze_batch_norm, self.freeze_ranges)
        return tuple(share is not None and progress >= share for share in shares)
