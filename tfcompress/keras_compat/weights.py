"""The weights of a layer, named alike in both Kerases."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.errors import UnsupportedLayerError
from tfcompress.graph import Weight
from tfcompress.keras_compat import internals

# What tf_keras names otherwise in depthwise convolutions, and has beyond Keras 3.
_DEPTHWISE_NAMES = {"depthwise_kernel": "kernel"}
_STATE_ONLY = {"count"}


def read_weights(layer: Any, keras: str) -> tuple[Weight, ...]:
    """Returns copies of a layer's weights.

    Args:
        layer: A built layer of either Keras that is not a model.
        keras: The Keras that the layer belongs to.

    Returns:
        The layer's own weights and then those of the layers inside it, whose paths
        start with the number of the inner layer.
    """
    return tuple(
        Weight(path, variable.numpy()) for path, variable in _variables(layer, keras)
    )


def tensorflow_variables(layer: Any, keras: str) -> dict[str, Any]:
    """Returns the `tf.Variable` behind each weight of a layer, by the weight's path.

    Args:
        layer: A built layer of either Keras that is not a model.
        keras: The Keras that the layer belongs to.
    """
    pairs = _variables(layer, keras)
    if keras == "tf_keras":
        return dict(pairs)
    return {path: variable.value for path, variable in pairs}


def write_weights(layer: Any, weights: Sequence[Weight], keras: str) -> None:
    """Sets the weights of a layer to those read from its twin.

    Args:
        layer: A built layer.
        weights: What `read_weights` returned for the same layer in either Keras.
        keras: The Keras that `layer` belongs to.

    Raises:
        UnsupportedLayerError: If names and shapes do not fit together.
    """
    targets = dict(_variables(layer, keras))
    values = {weight.path: weight.value for weight in weights}
    if set(targets) != set(values):
        targets, values = _paired(layer, targets, values)
    for path, variable in targets.items():
        if tuple(variable.shape) != values[path].shape:
            raise UnsupportedLayerError(
                f"Layer {layer.name!r} has weight {path!r} of shape "
                f"{tuple(variable.shape)}. Received: shape {values[path].shape}"
            )
        variable.assign(values[path])


def _paired(
    layer: Any, targets: dict[str, Any], values: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Pairs weights whose names differ by their order."""
    kept = {p: v for p, v in targets.items() if p in values or not _is_state(p)}
    given = {p: v for p, v in values.items() if p in targets or not _is_state(p)}
    if [tuple(v.shape) for v in kept.values()] != [v.shape for v in given.values()]:
        raise UnsupportedLayerError(
            f"Layer {layer.name!r} ({type(layer).__name__}) has weights "
            f"{sorted(targets)}. Received: weights {sorted(values)}"
        )
    return kept, dict(zip(kept, given.values(), strict=True))


def _is_state(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in _STATE_ONLY


def _variables(layer: Any, keras: str, prefix: str = "") -> list[tuple[str, Any]]:
    depthwise = type(layer).__name__.startswith("DepthwiseConv")
    renamed = _DEPTHWISE_NAMES if depthwise else {}
    found: dict[str, Any] = {}
    for variable in internals.own_variables(layer, keras):
        name = variable.name.rsplit("/", 1)[-1].split(":")[0]
        name = prefix + renamed.get(name, name)
        again = sum(path.split("#")[0] == name for path in found)
        found[f"{name}#{again}" if again else name] = variable
    inner = [item for item in internals.sublayers(layer, keras) if item.weights]
    pairs = list(found.items())
    for number, item in enumerate(inner):
        pairs += _variables(item, keras, f"{prefix}{number}/")
    return pairs
