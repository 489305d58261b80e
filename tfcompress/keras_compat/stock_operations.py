"""Operations of Keras 3 that a stock layer of tf_keras computes as well.

TF-MOT and converters know stock layers, and pass over layers that they do not know.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tfcompress.graph import Node, Tensor
from tfcompress.keras_compat import modules
from tfcompress.keras_compat.activations import activation

_MERGES = {
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "maximum": "Maximum",
    "minimum": "Minimum",
}
_ACTIVATIONS = (
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "silu",
    "hard_sigmoid",
    "hard_silu",
    "softplus",
    "softsign",
    "selu",
)


def stock_layer(
    name: str, node: Node, config: Mapping[str, Any]
) -> Callable[..., Any] | None:
    """Returns a function that makes and calls a stock tf_keras layer, or None.

    Args:
        name: Name of the operation in `keras.ops`.
        node: Its call in the graph.
        config: What the operation was made with.
    """
    layers = modules.tf_keras().layers
    arguments = node.arguments
    if name in _MERGES and len(arguments) == 2 and _same_rank(arguments):
        merge = getattr(layers, _MERGES[name])(name=node.name)
        return lambda first, second: merge([first, second])
    if len(arguments) != 1 or not isinstance(arguments[0], Tensor) or node.keywords:
        return None
    if name in _ACTIVATIONS and not config:
        return layers.Activation(activation(name, "tf_keras"), name=node.name)
    return None


def _same_rank(arguments: tuple[Any, ...]) -> bool:
    return all(isinstance(value, Tensor) for value in arguments)
