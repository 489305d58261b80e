"""Kernels that are pruned while they are trained with rounding."""

import dataclasses
import math
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.keras_compat.masked_weight import Goal, MaskedWeight
from tfcompress.keras_compat.quantized_graph import rounded_layers
from tfcompress.pruning import MagnitudePruning
from tfcompress.pruning.renewal import renew
from tfcompress.quantization import QuantizationAwareTraining
from tfcompress.schedules import Polynomial

_STEPS_OF_THE_WAY = 100


@dataclasses.dataclass
class _Pruned:
    """A layer whose masks move, as `renew` takes it."""

    masked_weights: list[MaskedWeight]


def apply_both(
    pruning: MagnitudePruning, rounding: QuantizationAwareTraining, model: Any
) -> tuple[Any, Any]:
    """Returns a model that trains with rounding while it is pruned.

    A quantization-aware layer keeps the zeros of its kernel by a mask. Here the masks
    start open and close while the model trains, along the way of `MagnitudePruning`: a
    cubic rise over the first half of the training. How sparse each kernel becomes is
    what pruning at once makes of it, so that `layers`, `ignored` and one threshold over
    all layers hold; which weights go is decided as the training goes on. That keeps
    more accuracy at high sparsity than pruning at once and training with rounding
    after, and takes one fit, where TF-MOT's collaborative schemes take two.

    Args:
        pruning: Pruning at once, with a `Constant` schedule.
        rounding: Training with rounding that preserves zeros.
        model: A plain model of either Keras. It is not changed.

    Returns:
        The quantization-aware model, not yet calibrated; and the callback that prunes.

    Example:
    ```python
    from tfcompress.pipeline.fitting.rounded_pruning import apply_both
    from tfcompress.schedules import Constant

    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.8))
    rounding = tfc.quantization.QuantizationAwareTraining()
    aware, callback = apply_both(pruning, rounding, model)
    ```
    """
    sparse = pruning.finalize(pruning.apply(model))
    dense = {layer.name: layer for layer in rounded_layers(rounding.apply(model))}
    aware = rounding.apply(sparse)
    pruned = []
    for layer in rounded_layers(aware):
        weights = []
        layer.layer.set_weights(dense[layer.name].layer.get_weights())
        for weight, mask in layer.zero_masks:
            share = 1.0 - float(np.count_nonzero(mask.numpy())) / math.prod(
                weight.shape
            )
            structure = pruning.structure
            open_now = structure is not None or weight.variable.numpy() != 0
            mask.assign(np.broadcast_to(open_now, weight.shape).astype("float32"))
            weights.append(MaskedWeight(weight, mask, Goal(share, structure=structure)))
        pruned.append(_Pruned(weights))
    return aware, _callback(pruned)


def _callback(layers: list[_Pruned]) -> Any:
    way = Polynomial(0.0, 1.0, finish=0.5)
    reached: list[int] = []

    def move(progress: float, step: int) -> None:
        # Whole hundredths, so that a training that goes on finds the masks it left.
        place = math.floor(way(progress, step) * _STEPS_OF_THE_WAY + 1e-9)
        if reached != [place]:
            reached[:] = [place]
            for weight, mask in renew(layers, place / _STEPS_OF_THE_WAY):
                weight.mask.assign(mask.astype("float32"))

    def finish() -> None:
        # Other callbacks may have put earlier masks back.
        reached.clear()
        move(1.0, 0)

    return keras_compat.progress_callback(keras_compat.tf_keras(), move, finish)
