"""TF-MOT's wrappers: put on a layer, found in a model.

TF-MOT exports few of its classes; what is taken from its inside is taken here.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np

from tfcompress.errors import ModelError
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


def clustered_layers(model: Any) -> list[Any]:
    """Returns the clustering wrappers of a model and of the models inside it."""
    if not _is_loaded():
        return []
    wrapper = tfmot_core("clustering.keras.cluster_wrapper").ClusterWeights
    found = [layer for _, layer in all_layers(model) if isinstance(layer, wrapper)]
    return list({id(layer): layer for layer in found}.values())


def share_of_zeros(model: Any) -> dict[str, float]:
    """Returns the share of masked weights of each layer that is being pruned.

    Args:
        model: A model of either Keras.

    Returns:
        Shares from 0 to 1 by the name of the layer, and that of all of them as
        `"all"`; empty for a model that is not being pruned.
    """
    masks = {
        layer.name: [one.mask.numpy() for one in layer.masked_weights]
        for layer in pruned_layers(model)
    }
    if not masks:
        return {}
    masks["all"] = [mask for several in masks.values() for mask in several]
    return {
        name: sum(int(np.sum(mask == 0)) for mask in several)
        / sum(mask.size for mask in several)
        for name, several in masks.items()
    }


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


def check_pruning_done(model: Any) -> None:
    """Raises an error if a model is still being pruned.

    Raises:
        ModelError: Says what to do.
    """
    if pruned_layers(model):
        raise ModelError(
            "The model is still being pruned; give it to finalize of the pruning "
            f"first. Received: model {model.name!r}"
        )


def check_clustering_done(model: Any) -> None:
    """Raises an error if a model is still being clustered.

    Raises:
        ModelError: Says what to do.
    """
    clustered = [layer.name for layer in clustered_layers(model)]
    if clustered:
        raise ModelError(
            "The model is still being clustered; give it to finalize of the "
            "clustering first, or to strip_clustering of TF-MOT, whichever wrapped "
            f"it. Received: model {model.name!r}, with the wrappers {clustered}"
        )


def check_plain(model: Any) -> None:
    """Raises an error if a model is still pruned or clustered, or quantization-aware.

    Raises:
        ModelError: Says what to do.
    """
    check_pruning_done(model)
    check_clustering_done(model)
    if is_quantization_aware(model):
        raise ModelError(
            "The model is quantization-aware already; give the float model that it was "
            f"made of. Received: model {model.name!r}"
        )


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
