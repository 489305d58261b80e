"""TF-MOT's wrappers: put on a layer, found in a model.

TF-MOT exports few of its classes; what is taken from its inside is taken here.
"""

import dataclasses
import importlib
import sys
from types import ModuleType
from typing import Any

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.prunable_weights import prunable_weights

_CORE = "tensorflow_model_optimization.python.core."
_FIRST_RANGE = 6.0


def tfmot_core(name: str) -> ModuleType:
    """Returns a module from inside TF-MOT that its public API does not export.

    Args:
        name: Its path below `tensorflow_model_optimization.python.core`.
    """
    modules.tfmot()
    return importlib.import_module(_CORE + name)


def pruned_layers(model: Any) -> list[Any]:
    """Returns the pruning wrappers of a model and of the models inside it."""
    if not _is_loaded():
        return []
    wrapper = tfmot_core("sparsity.keras.pruning_wrapper").PruneLowMagnitude
    found = [layer for _, layer in all_layers(model) if isinstance(layer, wrapper)]
    return list({id(layer): layer for layer in found}.values())


def quantization_layers(model: Any) -> list[Any]:
    """Returns the fake-quantization layers and wrappers of a model."""
    if not _is_loaded():
        return []
    kinds = (
        tfmot_core("quantization.keras.quantize_wrapper").QuantizeWrapper,
        tfmot_core("quantization.keras.quantize_layer").QuantizeLayer,
    )
    return [layer for _, layer in all_layers(model) if isinstance(layer, kinds)]


def is_quantization_aware(model: Any) -> bool:
    """Returns whether a model holds fake-quantization, and so knows its ranges."""
    return bool(quantization_layers(model))


def all_layers(model: Any) -> list[tuple[Any, Any]]:
    """Returns the layers of a tf_keras model and of the models inside it.

    Returns:
        Pairs of the model that calls a layer and the layer, without the models; none
        for anything else than a tf_keras model.
    """
    kind = modules.tf_keras().Model
    if not isinstance(model, kind):
        return []
    found = []
    for layer in model.layers:
        inside = all_layers(layer) if isinstance(layer, kind) else [(model, layer)]
        found.extend(inside)
    return found


def _is_loaded() -> bool:
    return "tensorflow_model_optimization" in sys.modules


@dataclasses.dataclass(frozen=True)
class QuantizerPlace:
    """Where a fake-quantization layer keeps the quantizer of one of its activations.

    Attributes:
        owner: The object that holds the quantizer.
        attribute: The name under which it does.
        listed: Whether it stands in a list of one.
    """

    owner: Any
    attribute: str
    listed: bool = False

    def get(self) -> Any:
        """Returns the quantizer."""
        value = getattr(self.owner, self.attribute)
        return value[0] if self.listed else value

    def set(self, quantizer: Any) -> None:
        """Puts another quantizer in its place."""
        setattr(self.owner, self.attribute, [quantizer] if self.listed else quantizer)


def quantizers_of(layer: Any) -> list[QuantizerPlace]:
    """Returns where a fake-quantization layer keeps its quantizers of activations."""
    if isinstance(layer, tfmot_core("quantization.keras.quantize_layer").QuantizeLayer):
        return [QuantizerPlace(layer, "quantizer")] if layer.quantizer else []
    places = [
        QuantizerPlace(activation, "quantizer")
        for activation in layer._quantize_activations
    ]
    if layer._output_quantizers:
        places.append(QuantizerPlace(layer, "_output_quantizers", listed=True))
    return places


def uncalibrated_layers(model: Any) -> list[str]:
    """Returns the layers with a range of activations as TF-MOT first sets it."""
    return [
        layer.name
        for layer in quantization_layers(model)
        for low, high in _activation_ranges(layer)
        if float(low) == -_FIRST_RANGE and float(high) == _FIRST_RANGE
    ]


def _activation_ranges(layer: Any) -> list[tuple[Any, Any]]:
    named = {_last_name(variable): variable for variable in layer.weights}
    kinds = ("output", "pre_activation", "post_activation")
    return [
        (named[f"{kind}_min"], named[f"{kind}_max"])
        for kind in kinds
        if f"{kind}_min" in named
    ]


def set_weight_ranges(layer: Any) -> None:
    """Sets the ranges of a fake-quantization wrapper's weights to those they have."""
    wrapper = tfmot_core("quantization.keras.quantize_wrapper").QuantizeWrapper
    if isinstance(layer, wrapper):
        for weight, quantizer, variables in layer._weight_vars:
            quantizer(weight, True, weights=variables)


def kernels(layer: Any) -> list[Any]:
    """Returns the kernels of a layer, or of the one in a fake-quantization wrapper."""
    if not _is_quantize_wrapper(layer):
        return [weight.variable for weight in prunable_weights(layer)]
    if layer._weight_vars:
        return [weight for weight, _, _ in layer._weight_vars]
    return [weight.variable for weight in prunable_weights(layer.layer)]


def is_quantize_layer(layer: Any) -> bool:
    """Returns whether a layer does nothing but round what it is given."""
    kind = tfmot_core("quantization.keras.quantize_layer").QuantizeLayer
    return isinstance(layer, kind)


def inner_layer(layer: Any) -> Any:
    """Returns a new layer like the one in a fake-quantization wrapper.

    It has the activation that it had before it was wrapped. A layer without a wrapper
    is made anew as well.
    """
    inner = layer.layer if _is_quantize_wrapper(layer) else layer
    config = inner.get_config()
    if "activation" in config:
        activation = inner.activation
        aware = tfmot_core("quantization.keras.quantize_aware_activation")
        if isinstance(activation, aware.QuantizeAwareActivation):
            activation = activation.activation
        if isinstance(activation, aware.NoOpActivation):
            activation = None
        config["activation"] = modules.tf_keras().activations.serialize(
            modules.tf_keras().activations.get(activation)
        )
    return type(inner).from_config(config)


def copy_rounded_weights(layer: Any, inner: Any) -> None:
    """Copies a layer's weights, rounded where a fake-quantization wrapper rounds them.

    Args:
        layer: The wrapper, or a layer without one.
        inner: The built layer that `inner_layer` made of it.
    """
    if not _is_quantize_wrapper(layer):
        inner.set_weights(layer.get_weights())
    elif not layer._weight_vars:
        inner.set_weights(layer.layer.get_weights())
    else:
        # The wrapper has taken the weights that it rounds out of its layer.
        values = {_last_name(variable): variable for variable in layer.weights}
        for weight, quantizer, ranges in layer._weight_vars:
            values[_last_name(weight)] = quantizer(weight, False, weights=ranges)
        for variable in inner.weights:
            variable.assign(values[_last_name(variable)])


def _last_name(variable: Any) -> str:
    return variable.name.split(":")[0].rsplit("/", 1)[-1]


def _is_quantize_wrapper(layer: Any) -> bool:
    kind = tfmot_core("quantization.keras.quantize_wrapper").QuantizeWrapper
    return isinstance(layer, kind)
