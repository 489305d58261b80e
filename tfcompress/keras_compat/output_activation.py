"""What a model's outputs end in: logits or probabilities."""

from typing import Any

import tensorflow as tf

PROBABILITIES = ("softmax", "sigmoid")

_PASSED = ("Activation", "Dropout", "Flatten", "Identity", "Reshape")
_BY_CLASS = {"Sigmoid": "sigmoid", "Softmax": "softmax"}


def output_activations(model: Any) -> tuple[str | None, ...]:
    """Returns the activation in which each output of a model ends.

    Layers that leave values as they are, such as Reshape and Dropout, are looked
    through, and so are models inside the model and wrappers around a layer.

    Args:
        model: A functional or Sequential model of either Keras.

    Returns:
        For each output, in flattened order: `"softmax"`, `"sigmoid"`, another
        activation's name, or None where there is none.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import output_activations

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    output_activations(model)  # ("softmax",)
    ```
    """
    return tuple(_activation(tensor) for tensor in model.outputs)


def _activation(tensor: Any) -> str | None:
    history = tensor._keras_history
    # Keras 3 calls it the operation, tf_keras the layer; both are first.
    layer, node_index, tensor_index = history[0], history[1], history[2]
    while "Wrapper" in [base.__name__ for base in type(layer).__mro__]:
        layer = layer.layer
    kind = type(layer).__name__
    if kind in _BY_CLASS:
        return _BY_CLASS[kind]
    config = layer.get_config()
    if kind in ("Sequential", "Functional") or "layers" in config:
        return _activation(layer.outputs[tensor_index])
    name = _name(config.get("activation"))
    if kind == "TFOpLambda":
        name = str(config["function"]).rsplit(".", 1)[-1]
    if name in (None, "linear") and kind in _PASSED:
        return _activation(_first_input(history[0], node_index))
    return None if name == "linear" else name


def _first_input(layer: Any, node_index: int) -> Any:
    node = layer._inbound_nodes[node_index]
    inputs = getattr(node, "input_tensors", None)
    if inputs is None:
        inputs = node.keras_inputs
    return tf.nest.flatten(inputs)[0]


def _name(activation: Any) -> str | None:
    if activation is None or isinstance(activation, str):
        return activation
    if isinstance(activation, dict):
        inner = activation.get("config", activation)
        return inner if isinstance(inner, str) else activation.get("class_name")
    return getattr(activation, "__name__", type(activation).__name__)
