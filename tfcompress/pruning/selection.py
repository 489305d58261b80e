"""Which layers of a model are pruned, how far, and why the others are not."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.prunable_weights import PrunableWeight, prunable_weights
from tfcompress.names import find_key, matches, nearest


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the user chose.

    Attributes:
        layers: Names or patterns of layers, and how far each is pruned; None for one
            that is left out.
        ignored: Names, patterns, or positions among the prunable layers.
        minimum_size: Kernels with fewer weights stay, unless `layers` has the very name
            of their layer.
        policy: Takes a tf_keras layer and returns why it is left out, or None.
        refusal: Takes a kernel and returns why it cannot be pruned, or None.
    """

    layers: Mapping[str, float | None]
    ignored: Sequence[str | int]
    minimum_size: int
    policy: Callable[[Any], str | None]
    refusal: Callable[[PrunableWeight], str | None]


@dataclasses.dataclass(frozen=True)
class Selected:
    """A layer to be pruned.

    Attributes:
        layer: The tf_keras layer.
        kernels: Numbers of its kernels that are pruned, among its prunable weights.
        value: What `layers` says of it, or None.
    """

    layer: Any
    kernels: tuple[int, ...]
    value: float | None


def select(
    layers: Mapping[str, Any], choice: Choice
) -> tuple[dict[str, Selected], dict[str, str]]:
    """Chooses layers.

    Args:
        layers: Every tf_keras layer with weights, in order, by a name of its own.
        choice: What the user chose.

    Returns:
        The layers that are pruned, and why each of the others, or a kernel of one, is
        not.

    Raises:
        ArgumentError: If a name matches nothing, or a layer that cannot be pruned.
    """
    kernels = {name: prunable_weights(layer) for name, layer in layers.items()}
    refused = {
        name: reason
        for name, layer in layers.items()
        if (reason := _reason(layer, kernels[name])) is not None
    }
    _check_names(choice, layers, refused)
    named = {n: find_key(n, choice.layers) for n in layers if n not in refused}
    prunable = [
        name
        for name, key in named.items()
        if key is not None or not all(kernel.depthwise for kernel in kernels[name])
    ]
    ignored = _ignored(choice.ignored, prunable)
    selected: dict[str, Selected] = {}
    skipped: dict[str, str] = {}
    for name, layer in layers.items():
        reason = refused.get(name)
        if reason is None and name not in prunable:
            reason = "a depthwise kernel is pruned only where `layers` names its layer"
        elif reason is None and name in ignored:
            reason = "ignored by choice"
        elif reason is None:
            key = named[name]
            value = None if key is None else choice.layers[key]
            left_out = key is not None and value is None
            reason = "left out by `layers`" if left_out else choice.policy(layer)
        if reason is not None:
            skipped[name] = reason
            continue
        reasons = _reasons_of_kernels(name, kernels[name], choice)
        taken = tuple(
            number for number in range(len(kernels[name])) if number not in reasons
        )
        if taken:
            selected[name] = Selected(layer, taken, value)
        for number, why in reasons.items():
            skipped[f"{name}/{kernels[name][number].name}" if taken else name] = why
    return selected, skipped


def _reason(layer: Any, kernels: Sequence[PrunableWeight]) -> str | None:
    """Returns why a layer can never be pruned."""
    if not layer.trainable_weights:
        return "frozen, or without weights that train"
    if not kernels:
        return f"{type(layer).__name__} has no kernel that pruning knows"
    return None


def _reasons_of_kernels(
    name: str, kernels: Sequence[PrunableWeight], choice: Choice
) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for number, kernel in enumerate(kernels):
        refusal = choice.refusal(kernel)
        if refusal is not None and choice.layers.get(name) is not None:
            raise ArgumentError(
                f"Layer {name!r} cannot be pruned as `layers` says: {refusal}. "
                f"Received: layers={dict(choice.layers)}"
            )
        if refusal is not None:
            reasons[number] = refusal
        elif kernel.size < choice.minimum_size and name not in choice.layers:
            reasons[number] = (
                f"{kernel.size} weights are fewer than minimum_size="
                f"{choice.minimum_size}"
            )
    return reasons


def _matching(key: str, names: Iterable[str]) -> list[str]:
    """Returns the names that are the key, or that it is a pattern of."""
    return [name for name in names if matches(name, key)]


def _check_names(
    choice: Choice, layers: Mapping[str, Any], refused: Mapping[str, str]
) -> None:
    for argument, given in (("layers", choice.layers), ("ignored", choice.ignored)):
        for key in given:
            if isinstance(key, str) and not _matching(key, layers):
                raise ArgumentError(
                    f"{argument} names no layer with weights: the nearest are "
                    f"{nearest(key, layers)}. Received: {argument}={[key]}"
                )
    for key, value in choice.layers.items():
        named = _matching(key, layers)
        if value is not None and all(name in refused for name in named):
            raise ArgumentError(
                f"layers names {named[0]!r}, which cannot be pruned: "
                f"{refused[named[0]]}. Received: layers={dict(choice.layers)}"
            )


def _ignored(ignored: Sequence[str | int], prunable: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for key in ignored:
        if isinstance(key, str):
            found.update(_matching(key, prunable))
        elif -len(prunable) <= key < len(prunable):
            found.add(prunable[key])
        else:
            raise ArgumentError(
                "A position in ignored is that of one of the "
                f"{len(prunable)} prunable layers, 0 the first and -1 the last. "
                f"Received: ignored={list(ignored)}"
            )
    return found
