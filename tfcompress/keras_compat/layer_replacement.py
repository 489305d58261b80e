"""Layers of tf_keras models: by name, in wrappers, and out of them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.tfmot_layers import all_layers


def named_layers(model: Any) -> dict[str, Any]:
    """Returns the layers with weights, of nested models too, by a name of their own.

    Args:
        model: A tf_keras model.

    Returns:
        The layers in order. One whose name another has goes by that of its model too.
    """
    found: dict[str, Any] = {}
    for owner, layer in all_layers(model):
        if layer.weights and not any(layer is other for other in found.values()):
            name = layer.name
            while name in found:
                name = f"{owner.name}/{name}"
            found[name] = layer
    return found


def replace_layers(model: Any, replacement: Callable[[Any], Any]) -> Any:
    """Returns a model with other layers in the place of some.

    Args:
        model: A tf_keras model, which may hold others.
        replacement: Takes a layer that is no model, and returns what stands in its
            place: the very layer where it stays, which both models then share.
    """
    tf_keras = modules.tf_keras()
    made: dict[int, Any] = {}

    def replace(layer: Any) -> Any:
        if id(layer) not in made:
            made[id(layer)] = (
                tf_keras.models.clone_model(layer, clone_function=replace)
                if isinstance(layer, tf_keras.Model)
                else replacement(layer)
            )
        return made[id(layer)]

    return tf_keras.models.clone_model(model, clone_function=replace)


@contextlib.contextmanager
def holding(values: Sequence[tuple[Any, Any]]) -> Iterator[None]:
    """Gives variables other values for the block.

    Args:
        values: Pairs of a variable and the array that it holds meanwhile.
    """
    before = [(variable, variable.numpy()) for variable, _ in values]
    try:
        for variable, value in values:
            variable.assign(value)
        yield
    finally:
        for variable, value in before:
            variable.assign(value)
