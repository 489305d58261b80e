"""New masks for the weights of a model, on the way to their goals."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfcompress.keras_compat.masked_weight import Goal, MaskedWeight
from tfcompress.pruning import masks


def renew(layers: Sequence[Any], way: float) -> Iterator[tuple[MaskedWeight, Any]]:
    """Yields the weights whose masks change, each with its new one.

    Args:
        layers: Layers being pruned.
        way: Which share of its goal each layer shall have reached, from 0 to 1.
    """
    groups: defaultdict[Any, list[MaskedWeight]] = defaultdict(list)
    for layer in layers:
        for weight in layer.masked_weights:
            groups[weight.goal if weight.goal.together else id(weight)].append(weight)
    for group in groups.values():
        before = [weight.mask.numpy() != 0 for weight in group]
        after = _masks(group, before, group[0].goal, way)
        for weight, old, new in zip(group, before, after, strict=True):
            if not np.array_equal(old, new):
                yield weight, new


def _masks(
    group: Sequence[MaskedWeight], before: list[np.ndarray], goal: Goal, way: float
) -> list[np.ndarray]:
    kernels = [weight.weight for weight in group]
    values = [kernel.variable.numpy() for kernel in kernels]
    pairs = list(zip(kernels, values, before, strict=True))
    if goal.sparsity is None:
        return [masks.mask_below(v, b, goal.threshold * way) for _, v, b in pairs]
    if isinstance(goal.structure, str):
        n, m = map(int, goal.structure.split(":"))
        zeros = math.floor(n * way + 1e-9)
        return [
            k.from_rows(masks.mask_n_of_m(k.to_rows(v), k.to_rows(b), zeros, m))
            for k, v, b in pairs
        ]
    if goal.structure is None:
        return masks.mask_smallest(values, before, goal.sparsity * way)
    after = masks.mask_blocks(
        [kernel.to_matrix(value) for kernel, value, _ in pairs],
        [kernel.to_matrix(mask) for kernel, _, mask in pairs],
        goal.sparsity * way,
        goal.structure,
    )
    return [k.from_matrix(mask) for k, mask in zip(kernels, after, strict=True)]
