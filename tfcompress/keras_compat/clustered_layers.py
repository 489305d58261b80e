"""TF-MOT's clustering wrappers, found in a model."""

import sys
from typing import Any

from tfcompress.keras_compat.tfmot_layers import all_layers, tfmot_core


def clustered_layers(model: Any) -> list[Any]:
    """Returns the clustering wrappers of a model and of the models inside it."""
    if "tensorflow_model_optimization" not in sys.modules:
        return []
    wrapper = tfmot_core("clustering.keras.cluster_wrapper").ClusterWeights
    found = [layer for _, layer in all_layers(model) if isinstance(layer, wrapper)]
    return list({id(layer): layer for layer in found}.values())
