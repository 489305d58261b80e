"""Threshold pruning: weights below a size become zero."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.masked_weight import Goal
from tfcompress.keras_compat.prunable_weights import PrunableWeight, prunable_weights
from tfcompress.pruning.selection import Selected
from tfcompress.pruning.weight_pruning import WeightPruning
from tfcompress.schedules import Constant, Schedule


class ThresholdPruning(WeightPruning):
    """Sets weights whose size is below a threshold to zero while the model trains.

    How sparse a kernel becomes is up to its weights. What has become zero stays zero,
    and what shrinks below the threshold while it trains becomes zero as well, at the
    end of each epoch. Everything else is as in `MagnitudePruning`. Han et al.,
    "Learning both Weights and Connections", 2015, https://arxiv.org/abs/1506.02626.

    Args:
        threshold: Weights nearer to zero than this become zero; 0 or more.
        schedule: A `tfcompress.schedules.Schedule` of the threshold over the training,
            which ends at `threshold`, or the plain data of one. Defaults to the
            threshold from the start: `apply` prunes at once, and training may follow.
        layers: Names of layers, or patterns such as `"block_*"`, and the threshold of
            each, or None to leave it out.
        ignored: Layers to leave as they are: names, patterns, or positions among the
            prunable layers, 0 the first and -1 the last.
        minimum_size: Kernels with fewer weights stay as they are. Defaults to 0.
        policy: As in `MagnitudePruning`. Defaults to None: all.

    Raises:
        ArgumentError: If an argument is out of range or not one of these.

    Example:
    ```python
    pruning = tfc.pruning.ThresholdPruning(0.02)
    pruned = pruning.apply(model)
    pruned.compile("adam", loss="sparse_categorical_crossentropy")
    pruned.fit(x, y, callbacks=pruning.callbacks())
    small = pruning.finalize(pruned)
    ```
    """

    def __init__(
        self,
        threshold: float,
        *,
        schedule: Schedule | Mapping[str, Any] | None = None,
        layers: Mapping[str, float | None] | None = None,
        ignored: Sequence[str | int] = (),
        minimum_size: int = 0,
        policy: str | Callable[[Any], str | None] | None = None,
    ):
        super().__init__(
            schedule=schedule,
            layers=layers,
            ignored=ignored,
            minimum_size=minimum_size,
            policy=policy,
        )
        self.threshold = self.check_value(threshold, "threshold")
        given = self._given_schedule
        if given is not None and given.final != self.threshold:
            raise ArgumentError(
                f"schedule must end at the threshold, {self.threshold}. "
                f"Received: schedule that ends at {given.final}"
            )

    @property
    def schedule(self) -> Schedule:
        """The threshold over the training."""
        given = self._given_schedule
        return Constant(self.threshold) if given is None else given

    def check_value(self, value: Any, name: str) -> float:
        """Returns a threshold as a plain number.

        Raises:
            ArgumentError: If it is not a number of 0 or more.
        """
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0 <= value < float("inf"):
            raise ArgumentError(
                f"{name} must be a number of 0 or more, the size below which weights "
                f"become zero. Received: {name}={value!r}"
            )
        return float(value)

    def goal(self, value: float | None) -> Goal:
        """Returns what is to become of a layer."""
        return Goal(threshold=self.threshold if value is None else float(value))

    def refusal(self, kernel: PrunableWeight) -> str | None:
        """Returns None: every kernel can be pruned."""
        return None

    def check_layers(self, selected: Mapping[str, Selected]) -> None:
        """Raises an error where every weight of a kernel is below the threshold.

        Raises:
            ArgumentError: Names the layer.
        """
        for name, one in selected.items():
            threshold = self.goal(one.value).threshold
            kernels = prunable_weights(one.layer)
            for number in one.kernels:
                largest = float(np.abs(kernels[number].variable.numpy()).max())
                if largest < threshold:
                    raise ArgumentError(
                        f"Every weight of layer {name!r} is below the threshold, the "
                        f"largest {largest:.3g}; lower it, or leave the layer out by "
                        f"`layers` or `ignored`. Received: threshold={threshold}"
                    )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If `policy` is a function, which is not plain data.
        """
        return {"threshold": self.threshold, **super().get_config()}
