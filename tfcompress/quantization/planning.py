"""Which layers of a model are quantized, and how."""

from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.quantization import scheme
from tfcompress.technique import Account

_FOLDED_INTO = ("Conv2D", "DepthwiseConv2D")
_KNOWN_ACTIVATIONS = {
    "linear",
    "relu",
    "swish",
    "silu",
    "gelu",
    "softmax",
    "sigmoid",
    "tanh",
}


def plan_layers(model: Any) -> dict[str, dict[str, Any]]:
    """Says how each layer is to be wrapped.

    Args:
        model: A flat tf_keras model.

    Returns:
        For the name of each layer to be wrapped, what TF-MOT's
        `quantize_annotate_layer` takes beside it: nothing for its own way, a quantize
        config where only the output gets a range.

    Raises:
        ModelError: If no layer with weights is among them.
    """
    plan: dict[str, dict[str, Any]] = {}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer" or _takes_a_mask(layer):
            continue
        folded = kind == "BatchNormalization" and _is_folded(layer)
        known = scheme.supports(layer) and _has_known_activation(layer)
        if folded or known:
            plan[layer.name] = {}
        elif _has_one_output(layer) and not _is_recurrent(layer):
            plan[layer.name] = {"quantize_config": scheme.output_only_config()}
    if not any(layer.weights for layer in model.layers if layer.name in plan):
        raise ModelError(
            f"No layer with weights can be quantized. Received: model {model.name!r}"
        )
    return plan


def _takes_a_mask(layer: Any) -> bool:
    """Whether a mask comes with the inputs, which TF-MOT's wrapper cannot hand on."""
    return any(
        keras_compat.implicit_mask(tensor) is not None
        for node in layer._inbound_nodes
        for tensor in node.keras_inputs
    )


def _is_folded(layer: Any) -> bool:
    """Whether TFLite folds a batch normalization into the convolution before it."""
    inputs = _layers_before(layer)
    return (
        len(inputs) == 1
        and type(inputs[0]).__name__ in _FOLDED_INTO
        and inputs[0].get_config()["activation"] == "linear"
        and len(inputs[0]._outbound_nodes) == 1
    )


def _layers_before(layer: Any) -> list[Any]:
    return [
        before
        for node in layer._inbound_nodes
        for before in tf.nest.flatten(node.inbound_layers)
    ]


def _has_known_activation(layer: Any) -> bool:
    activation = layer.get_config().get("activation", "linear")
    known = {*_KNOWN_ACTIVATIONS, *(["relu6"] if _is_activation(layer) else [])}
    return isinstance(activation, str) and activation in known


def _is_activation(layer: Any) -> bool:
    return type(layer).__name__ == "Activation"


def _is_recurrent(layer: Any) -> bool:
    """Whether a layer has steps; the converter cannot have a range behind them."""
    layers = keras_compat.tf_keras().layers
    return isinstance(layer, layers.RNN | layers.Bidirectional)


def _has_one_output(layer: Any) -> bool:
    """Whether a layer takes real numbers in one argument, and gives one tensor."""
    if len(layer._inbound_nodes) != 1:
        return False
    if type(layer).__name__.endswith("OpLambda"):
        return False
    node = layer._inbound_nodes[0]
    outputs = tf.nest.flatten(node.outputs)
    takes_more = bool(node.call_kwargs) or len(node.call_args) > 1
    real = all(t.dtype.is_floating for t in [*node.keras_inputs, *outputs])
    return len(outputs) == 1 and real and not takes_more


def account_for(model: Any, plan: dict[str, dict[str, Any]]) -> Account:
    """Returns which layers of a model a plan quantizes, and which stay in float."""
    applied = tuple(name for name, choice in plan.items() if not choice)
    skipped = {
        layer.name: _reason_to_skip(layer)
        for layer in model.layers
        if layer.name not in applied and layer._inbound_nodes[0].keras_inputs
    }
    return Account(applied, skipped)


def _reason_to_skip(layer: Any) -> str:
    if _takes_a_mask(layer):
        return "TF-MOT does not quantize a layer that takes a mask; it stays float"
    return f"TF-MOT does not quantize {type(layer).__name__}; it stays float"
