"""Which kernels of a model are clustered, to how many values, and why others not."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.clustered_kernels import (
    WEIGHTS_OF_A_CLUSTER,
    most_clusters,
)
from tfcompress.keras_compat.prunable_weights import PrunableWeight, prunable_weights
from tfcompress.names import find_key, matches, nearest

# Fewer than two beside zero would not be told from a kernel of one number.
_FEWEST = 2


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the user chose.

    Attributes:
        clusters: How many values each kernel has.
        layers: The same for layers by name or pattern; None leaves a layer out.
        keeps_zeros: Whether zeros stay zero, one of the values being theirs.
    """

    clusters: int
    layers: Mapping[str, int | None]
    keeps_zeros: bool


@dataclasses.dataclass(frozen=True)
class Selected:
    """A layer to be clustered.

    Attributes:
        layer: The tf_keras layer.
        kernels: How many values each kernel has, zero among them, by its number among
            its prunable weights.
        sparse: Numbers of the kernels whose zeros stay.
    """

    layer: Any
    kernels: Mapping[int, int]
    sparse: tuple[int, ...]


def select(
    layers: Mapping[str, Any], choice: Choice
) -> tuple[dict[str, Selected], dict[str, str]]:
    """Chooses layers.

    Args:
        layers: Every tf_keras layer with weights, in order, by a name of its own.
        choice: What the user chose.

    Returns:
        The layers that are clustered, and why each of the others, or a kernel of one,
        is not.

    Raises:
        ArgumentError: If a name matches nothing, or a layer that cannot be clustered.
    """
    for wanted in choice.layers:
        if not any(matches(name, wanted) for name in layers):
            raise ArgumentError(
                "layers names no layer with weights: the nearest are "
                f"{nearest(wanted, layers)}. Received: layers={[wanted]}"
            )
    selected: dict[str, Selected] = {}
    skipped: dict[str, str] = {}
    for name, layer in layers.items():
        kernels = prunable_weights(layer)
        key = find_key(name, choice.layers)
        clusters = choice.clusters if key is None else choice.layers[key]
        if key is not None and clusters is None:
            skipped[name] = "left out by `layers`"
            continue
        assert clusters is not None
        reason = _reason(layer, kernels, named=key is not None)
        found: dict[int, int] = {}
        sparse: list[int] = []
        reasons: dict[int, str] = {}
        for number, kernel in enumerate(kernels if reason is None else ()):
            value = kernel.variable.numpy()
            zeros = choice.keeps_zeros and not value.all()
            why = _too_few(value, clusters - zeros, zeros)
            if why is not None:
                reasons[number] = why
                continue
            found[number] = clusters
            sparse += [number] if zeros else []
        if found:
            selected[name] = Selected(layer, found, tuple(sparse))
        elif key == name:
            raise ArgumentError(
                f"layers names {name!r}, which cannot be clustered: "
                f"{reason or next(iter(reasons.values()))}. "
                f"Received: layers={dict(choice.layers)}"
            )
        if reason is not None:
            skipped[name] = reason
        for number, why in reasons.items():
            skipped[f"{name}/{kernels[number].name}" if found else name] = why
    return selected, skipped


def _reason(
    layer: Any, kernels: Sequence[PrunableWeight], *, named: bool
) -> str | None:
    """Returns why a layer is not clustered, whatever its numbers are."""
    if not layer.trainable_weights:
        return "frozen, or without weights that train"
    if not kernels:
        return f"{type(layer).__name__} has no kernel that clustering knows"
    if not named and all(kernel.depthwise for kernel in kernels):
        return "a depthwise kernel is clustered only where `layers` names its layer"
    return None


def _too_few(kernel: np.ndarray, clusters: int, zeros: bool) -> str | None:
    """Returns why a kernel is not clustered to so many values beside zero."""
    beside = " beside zero" if zeros else ""
    if zeros and not kernel.any():
        return "all its weights are zero"
    if clusters < _FEWEST:
        return f"clusters={clusters + zeros} leaves one value{beside}"
    weights = int(np.count_nonzero(kernel)) if zeros else kernel.size
    most = most_clusters(weights)
    if clusters > most:
        return (
            f"{weights} weights{beside} are too few for {clusters} values: each needs "
            f"{WEIGHTS_OF_A_CLUSTER} of them"
        )
    return None
