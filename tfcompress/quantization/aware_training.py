"""Quantization-aware training: the model trains with the rounding it will ship with."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat import tfmot_layers
from tfcompress.quantization import scheme
from tfcompress.quantization.unwrapping import unwrap
from tfcompress.technique import Account, Technique

_PRESERVABLE = ("sparsity",)
_FOLDED_INTO = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
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


class QuantizationAwareTraining(Technique):
    """Wraps a model so that it trains with weights and activations of 8 bits.

    Runs on TF-MOT's quantization-aware training, on a copy of the model and whatever
    Keras it is of. What the model computes is then what a full-integer `.tflite`
    computes, up to the last step of rounding: give the wrapped model itself to
    `tfcompress.export.to_tflite`. Jacob et al., "Quantization and Training of Neural
    Networks for Efficient Integer-Arithmetic-Only Inference", 2018,
    https://arxiv.org/abs/1712.05877.

    A freshly wrapped model does not know the ranges of its activations and is far off;
    give it to `tfcompress.quantization.calibrate` before training.

    Weights get 8 bits, symmetric, per channel in convolutions and per tensor in Dense;
    activations 8 bits per tensor. A layer that TF-MOT does not quantize keeps computing
    as it did and gets a range for its output, so that its neighbours can be whole
    numbers; `account.skipped` names the layers that were left in float.

    Args:
        preserve: What training shall keep: `("sparsity",)`, the default, keeps zero
            weights of Conv2D and Dense zero; `()` keeps nothing.

    Raises:
        ArgumentError: If `preserve` names anything else.

    Example:
    ```python
    aware = tfc.quantization.QuantizationAwareTraining()
    model = aware.apply(trained)
    tfc.quantization.calibrate(model, x)
    model.compile("adam", loss=loss)
    model.fit(x, y, epochs=2)
    tfc.export.to_tflite(model, "small.tflite", target="cpu_int8")
    ```
    """

    def __init__(self, *, preserve: Sequence[str] = ("sparsity",)):
        preserve = (preserve,) if isinstance(preserve, str) else tuple(preserve)
        unknown = [name for name in preserve if name not in _PRESERVABLE]
        if unknown:
            raise ArgumentError(
                f"preserve may hold {list(_PRESERVABLE)}. Received: preserve={unknown}"
            )
        self.preserve = preserve

    def apply(self, model: Any) -> Any:
        """Returns a quantization-aware copy of the model, in tf_keras.

        Args:
            model: A built functional or Sequential model of either Keras.

        Returns:
            A tf_keras model that takes optimizers, losses, metrics and callbacks of
            either Keras. Calibrate it before training.

        Raises:
            ModelError: If the model is not usable, is wrapped already, holds models
                inside it, or no layer of it can be quantized.
        """
        keras_compat.check_model(model)
        if tfmot_layers.is_quantization_aware(model):
            raise ModelError(
                "The model is quantization-aware already; wrap it once. "
                f"Received: model {model.name!r}"
            )
        if tfmot_layers.pruned_layers(model):
            raise ModelError(
                "The model is still being pruned; give it to finalize of the pruning "
                f"first. Received: model {model.name!r}"
            )
        copy = keras_compat.to_tf_keras(model)
        quantization = keras_compat.tfmot().quantization.keras
        plan = _plan(copy)

        def annotate(layer: Any) -> Any:
            choice = plan.get(layer.name)
            if choice is None:
                return layer
            return quantization.quantize_annotate_layer(layer, **choice)

        with quantization.quantize_scope():
            annotated = keras_compat.tf_keras().models.clone_model(
                copy, clone_function=annotate
            )
            wrapped = quantization.quantize_apply(
                annotated,
                scheme.build_scheme(preserve_sparsity="sparsity" in self.preserve),
                quantized_layer_name_prefix="",
            )
        self.account = _account(copy, plan)
        return keras_compat.adopt(
            wrapped, origin=copy.origin, sequential=copy.sequential
        )

    def finalize(self, model: Any) -> Any:
        """Returns a plain model whose weights are rounded as in the wrapped one.

        Ranges of activations are not in a plain model. To ship the integers that were
        trained, export the wrapped model itself.

        Args:
            model: What `apply` returned.

        Returns:
            A model of stock layers with weights of its own, in the user's Keras.

        Raises:
            ModelError: If the model is not one of `apply`.
        """
        if not tfmot_layers.is_quantization_aware(model):
            raise ModelError(
                "finalize takes the model that apply returned. "
                f"Received: model {model.name!r}, which is not quantization-aware"
            )
        return keras_compat.to_origin(unwrap(model), like=model)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"preserve": self.preserve}


def _plan(model: Any) -> dict[str, dict[str, Any]]:
    """Says for each layer to be wrapped, by name, how: by default or output only."""
    plan: dict[str, dict[str, Any]] = {}
    for layer in model.layers:
        if isinstance(layer, keras_compat.tf_keras().Model):
            raise ModelError(
                "Models inside the model cannot be quantized yet; build it flat. "
                f"Received: model {model.name!r} with model {layer.name!r} inside"
            )
        kind = type(layer).__name__
        if kind == "InputLayer":
            continue
        folded = kind == "BatchNormalization" and _is_folded(layer)
        known = scheme.supports(layer) and _has_known_activation(layer)
        if folded or known:
            plan[layer.name] = {}
        elif _has_one_output(layer) and not kind.endswith("OpLambda"):
            plan[layer.name] = {"quantize_config": scheme.output_only_config()}
    if not any(layer.trainable_weights for layer in model.layers if layer.name in plan):
        raise ModelError(
            f"No layer with weights can be quantized. Received: model {model.name!r}"
        )
    return plan


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


def _has_one_output(layer: Any) -> bool:
    """Whether a layer takes one argument and gives one tensor of real numbers."""
    if len(layer._inbound_nodes) != 1:
        return False
    node = layer._inbound_nodes[0]
    outputs = tf.nest.flatten(node.outputs)
    takes_more = bool(node.call_kwargs) or len(node.call_args) > 1
    return len(outputs) == 1 and outputs[0].dtype.is_floating and not takes_more


def _account(model: Any, plan: dict[str, dict[str, Any]]) -> Account:
    applied = tuple(name for name, choice in plan.items() if not choice)
    skipped = {
        layer.name: f"TF-MOT does not quantize {type(layer).__name__}; it stays float"
        for layer in model.layers
        if layer.name not in applied and layer.weights
    }
    return Account(applied, skipped)
