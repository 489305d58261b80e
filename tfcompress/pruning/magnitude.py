"""Magnitude pruning: the smallest weights become zero."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.masked_weight import Goal
from tfcompress.keras_compat.prunable_weights import PrunableWeight
from tfcompress.pruning.weight_pruning import WeightPruning
from tfcompress.schedules import Polynomial, Schedule

_SPARSITY = 0.8
_SCOPES = ("local", "global")


class MagnitudePruning(WeightPruning):
    """Sets the smallest weights of each kernel to zero while the model trains.

    Runs on TF-MOT's pruning wrapper, on a copy of the model and whatever Keras it is
    of. Sparsity rises over the first half of the training, whose length it need not be
    told, and is then held, so that the other weights make good the loss. Han et al.,
    "Learning both Weights and Connections", 2015, https://arxiv.org/abs/1506.02626;
    N:M sparsity of Mishra et al., "Accelerating Sparse Deep Neural Networks", 2021,
    https://arxiv.org/abs/2104.08378.

    Kernels of Dense, convolutions, embeddings, recurrent layers and attention are
    pruned, also inside nested models, Bidirectional and TimeDistributed; those of
    depthwise convolutions only where `layers` names them. `account.skipped` says what
    is left out, and why. A model being pruned is saved as any other and loaded with
    `tf_keras.models.load_model`, without a scope. A model of mixed precision is pruned,
    and returned, in float32; `account.notes` says which layers are.

    Args:
        sparsity: Share of zero weights in the end, from 0 up to, not including, 1.
            Defaults to what `schedule` or `structure` says, else to 0.8.
        schedule: A `tfcompress.schedules.Schedule` of the sparsity over the training,
            in place of `sparsity`, or the plain data of one, or `ConstantSparsity` or
            `PolynomialDecay` of TF-MOT, whose steps count from the first `fit` on.
            `Constant(0.8)` prunes in `apply`, at once; training then fine-tunes, and
            `finalize` needs none. Defaults to a cubic rise over the first half of the
            training.
        scope: `"local"`, the default, prunes each kernel to the sparsity; `"global"`
            prunes where weights are smallest, with one threshold over all layers that
            `layers` does not name, of which each keeps one weight at least.
        structure: Which weights become zero together: None, the default, for single
            ones; a block `(inputs, outputs)` such as `(4, 1)`, by the mean size in it,
            in Dense and 1x1 convolutions; or `"2:4"` for 2 zeros in every 4 input
            channels, NVIDIA's 2:4, a sparsity of a half. The first number counts the
            zeros, not the weights that stay: `"1:4"` is a quarter of zeros.
        layers: Names of layers, or patterns such as `"block_*"`, and the sparsity of
            each, or None to leave it out. A name goes before a pattern, the first
            pattern before the next.
        ignored: Layers to leave as they are: names, patterns, or positions among the
            prunable layers, 0 the first and -1 the last.
        minimum_size: Kernels with fewer weights stay as they are, unless `layers` has
            the very name of their layer. Defaults to 0.
        policy: `"xnnpack"` to prune only 1x1 Conv2D, as TF-MOT's
            `PruneForLatencyOnXNNPack` chooses; or a function that takes a layer of the
            tf_keras copy, and returns why it is left out, or None; or a policy of
            TF-MOT. Defaults to None: all.

    Raises:
        ArgumentError: If an argument is out of range or not one of these, or
            `sparsity`, `schedule` and `structure` do not say the same.

    Example:
    ```python
    pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
    pruned = pruning.apply(model)
    pruned.compile("adam", loss="sparse_categorical_crossentropy")
    pruned.fit(x, y, callbacks=pruning.callbacks())
    small = pruning.finalize(pruned)
    ```
    """

    def __init__(
        self,
        sparsity: float | None = None,
        *,
        schedule: Schedule | Mapping[str, Any] | None = None,
        scope: str = "local",
        structure: str | tuple[int, int] | None = None,
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
        if scope not in _SCOPES:
            raise ArgumentError(
                f"scope must be one of {list(_SCOPES)}. Received: scope={scope!r}"
            )
        self.scope = scope
        self.structure = _read_structure(structure)
        self.sparsity = self._find_sparsity(sparsity)
        allowed = {None, self.sparsity}
        if isinstance(self.structure, str) and not {*self.layers.values()} <= allowed:
            raise ArgumentError(
                f"structure={self.structure!r} is a sparsity of {self.sparsity}: "
                "layers may leave layers out, or give them this sparsity. "
                f"Received: layers={self.layers}"
            )

    @property
    def schedule(self) -> Schedule:
        """The sparsity over the training."""
        given = self._given_schedule
        if given is not None:
            return given
        return Polynomial(0.0, self.sparsity or 1.0, finish=0.5)

    def check_value(self, value: Any, name: str) -> float:
        """Returns a sparsity as a plain number.

        Raises:
            ArgumentError: If it is not a number from 0 up to, not including, 1.
        """
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not 0 <= value < 1:
            raise ArgumentError(
                f"{name} must be a number: the share of weights that become zero, from "
                "0 up to, not including, 1; 0.5 to 0.9 are usual. "
                f"Received: {name}={value!r}"
            )
        return float(value)

    def goal(self, value: float | None) -> Goal:
        """Returns what is to become of a layer."""
        return Goal(
            sparsity=self.sparsity if value is None else float(value),
            structure=self.structure,
            together=self.scope == "global" and value is None,
        )

    def refusal(self, kernel: PrunableWeight) -> str | None:
        """Returns why a kernel cannot be pruned in this structure, or None."""
        if self.structure is None:
            return None
        if not isinstance(self.structure, str):
            if kernel.is_matrix:
                return None
            return f"a kernel of shape {kernel.shape} has no blocks of two axes"
        if not kernel.inputs:
            return f"its weight {kernel.name!r} has no input channels"
        group = int(self.structure.split(":")[1])
        if kernel.input_channels % group:
            return (
                f"{kernel.input_channels} input channels are not a multiple of {group}"
            )
        return None

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If `policy` is a function, which is not plain data.
        """
        structure: Any = self.structure
        if isinstance(structure, tuple):
            structure = list(structure)
        return {
            "sparsity": self.sparsity,
            "scope": self.scope,
            "structure": structure,
            **super().get_config(),
        }

    def _find_sparsity(self, sparsity: Any) -> float:
        """Returns the sparsity that the arguments say, which must say the same."""
        said = {}
        if sparsity is not None:
            said["sparsity"] = self.check_value(sparsity, "sparsity")
        if self._given_schedule is not None:
            final = self._given_schedule.final
            said["end of schedule"] = self.check_value(final, "sparsity")
        if isinstance(self.structure, str):
            said[f"structure {self.structure!r}"] = _share(self.structure)
        found = [*said.values()] or [_SPARSITY]
        if not all(math.isclose(one, found[-1], abs_tol=1e-6) for one in found):
            raise ArgumentError(
                "sparsity, the end of the schedule, and an n:m structure each say how "
                "sparse kernels become: give one or the other. "
                f"Received: {', '.join(f'{name}={said[name]}' for name in said)}"
            )
        return found[-1]


def _share(structure: str) -> float:
    zeros, group = map(int, structure.split(":"))
    return zeros / group


def _read_structure(structure: Any) -> str | tuple[int, int] | None:
    if structure is None:
        return None
    if isinstance(structure, str):
        if re.fullmatch(r"[1-9]\d*:[1-9]\d*", structure) and _share(structure) < 1:
            return structure
    elif isinstance(structure, list | tuple) and len(structure) == 2:
        height, width = structure
        whole = isinstance(height, Integral) and isinstance(width, Integral)
        if whole and bool not in (type(height), type(width)) and min(structure) > 0:
            return (int(height), int(width))
    raise ArgumentError(
        'structure must be a block such as (4, 1), or "2:4", zeros of every group. '
        f"Received: structure={structure!r}"
    )
