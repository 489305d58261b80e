"""TF-MOT's wrappers: put on a layer, found in a model.

TF-MOT exports few of its classes; what is taken from its inside is taken here.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from tfcompress.keras_compat import modules

_CORE = "tensorflow_model_optimization.python.core."


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
