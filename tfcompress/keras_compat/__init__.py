"""The two Kerases: Keras 3, which users have, and tf_keras, which TF-MOT works on.

Which Keras a model belongs to is a property of the model, not of the process.
`read` turns a model of either into a `tfcompress.graph.Graph`, `build` a graph into a
model of either, `to_keras` and `to_tf_keras` do both at once.

tf_keras and TF-MOT are imported when a function first needs them.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tfcompress.keras_compat.accepting import AcceptsEitherKeras
from tfcompress.keras_compat.building import build
from tfcompress.keras_compat.checks import check_model
from tfcompress.keras_compat.crossing import to_keras, to_origin, to_tf_keras
from tfcompress.keras_compat.flat_reading import read_flat
from tfcompress.keras_compat.internals import implicit_mask
from tfcompress.keras_compat.loading import load_model
from tfcompress.keras_compat.membership import is_model, is_tf_keras, keras_of
from tfcompress.keras_compat.modules import flatten, keras, tf_keras, tfmot
from tfcompress.keras_compat.plain_model import plain_model
from tfcompress.keras_compat.precision import in_float32
from tfcompress.keras_compat.progress import progress_callback
from tfcompress.keras_compat.reading import read
from tfcompress.keras_compat.tapping import tap
from tfcompress.keras_compat.training_objects import cross
from tfcompress.keras_compat.twins import register_twin

if TYPE_CHECKING:
    from tfcompress.keras_compat.activation_range import ActivationRange
    from tfcompress.keras_compat.clustered_layer import ClusteredLayer
    from tfcompress.keras_compat.output_activation import (
        PROBABILITIES,
        output_activations,
    )
    from tfcompress.keras_compat.pruned_layer import PrunedLayer
    from tfcompress.keras_compat.quantized_graph import known_ranges
    from tfcompress.keras_compat.tfmot_layers import (
        check_plain,
        check_pruning_done,
        is_quantization_aware,
        pruned_layers,
        share_of_zeros,
        tfmot_core,
    )
    from tfcompress.keras_compat.trainable import TwinModel, adopt, origin_of

_LAZY = {
    "PROBABILITIES": "output_activation",
    "ActivationRange": "activation_range",
    "ClusteredLayer": "clustered_layer",
    "PrunedLayer": "pruned_layer",
    "TwinModel": "trainable",
    "adopt": "trainable",
    "check_plain": "tfmot_layers",
    "check_pruning_done": "tfmot_layers",
    "origin_of": "trainable",
    "is_quantization_aware": "tfmot_layers",
    "known_ranges": "quantized_graph",
    "output_activations": "output_activation",
    "pruned_layers": "tfmot_layers",
    "share_of_zeros": "tfmot_layers",
    "tfmot_core": "tfmot_layers",
}

__all__ = [
    "PROBABILITIES",
    "AcceptsEitherKeras",
    "ActivationRange",
    "ClusteredLayer",
    "PrunedLayer",
    "TwinModel",
    "adopt",
    "build",
    "check_model",
    "check_plain",
    "check_pruning_done",
    "cross",
    "flatten",
    "implicit_mask",
    "in_float32",
    "is_model",
    "is_quantization_aware",
    "is_tf_keras",
    "keras",
    "keras_of",
    "known_ranges",
    "load_model",
    "origin_of",
    "output_activations",
    "plain_model",
    "progress_callback",
    "pruned_layers",
    "read",
    "read_flat",
    "register_twin",
    "share_of_zeros",
    "tap",
    "tf_keras",
    "tfmot",
    "tfmot_core",
    "to_keras",
    "to_origin",
    "to_tf_keras",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module = importlib.import_module(f"{__name__}.{_LAZY[name]}")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
