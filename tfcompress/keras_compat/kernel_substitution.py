"""Kernels that a layer computes with in the place of its own."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from tfcompress.keras_compat import internals


@contextlib.contextmanager
def substituted(layer: Any, kernels: Sequence[tuple[Any, Any]]) -> Iterator[None]:
    """Puts tensors in the place of the variables of a layer for the block.

    Args:
        layer: A tf_keras layer, which may hold others.
        kernels: Pairs of a variable of it, and the tensor to compute with.
    """
    places = [
        (vars(owner), name, variable, value)
        for variable, value in kernels
        for owner, name in internals.places_of(variable, layer)
    ]
    try:
        for attributes, name, _, value in places:
            attributes[name] = value
        yield
    finally:
        for attributes, name, variable, _ in places:
            attributes[name] = variable
