"""What can be exported: models, checked before any work."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ExportError, ModelError
from tfcompress.graph import Graph
from tfcompress.keras_compat import tfmot_layers
from tfcompress.keras_compat.quantized_graph import activation_ranges
from tfcompress.measurement.files.file_graph import DEFAULT_SIGNATURE

# A flatbuffer counts its bytes in 31 bits.
LARGEST_BYTES = 2**31 - 1


def read_sources(model: Any) -> dict[str, Any]:
    """Returns the models to export, by the name of their signature.

    Args:
        model: A Keras model, a `tfcompress.graph.Graph`, or a dict of these by name.

    Returns:
        Keras models. A single one has the name `"serving_default"`.

    Raises:
        ArgumentError: If a dict is empty, or a name in it is no text.
    """
    if not isinstance(model, Mapping):
        return {DEFAULT_SIGNATURE: _as_model(model)}
    if not model or not all(isinstance(name, str) and name for name in model):
        raise ArgumentError(
            "A dict of models must hold one at the least, by the names that their "
            f"signatures shall have. Received: {list(model)}"
        )
    return {name: _as_model(each) for name, each in model.items()}


def _as_model(model: Any) -> Any:
    return (
        keras_compat.build(model, keras="keras") if isinstance(model, Graph) else model
    )


def check_source(model: Any, *, flex: bool) -> None:
    """Raises an error unless this is a model that can be converted as it is.

    Args:
        model: What the user passed as a model.
        flex: Whether operations of TensorFlow may go into the file.

    Raises:
        ModelError: If it is no model, is subclassed, unbuilt, holds weights not
            finite, or stands in the middle of a training that changes its layers.
        ExportError: If its weights do not fit into a file, or a layer works on text.
    """
    keras_compat.check_model(model)
    _check_wrappers(model)
    _check_bytes(model)
    if not flex:
        _check_text(model)


def _check_bytes(model: Any) -> None:
    """Raises an error if the weights of a model are more than a file can hold.

    The converter writes them in float32 on its way to any other type.

    Args:
        model: A built model of either Keras.

    Raises:
        ExportError: If they are.
    """
    shapes = {id(variable): variable.shape for variable in model.weights}
    taken = 4 * sum(int(np.prod(shape)) for shape in shapes.values())
    if taken > LARGEST_BYTES:
        raise ExportError(
            "A .tflite file, and what the converter makes of a model on its way to it, "
            f"holds at the most {LARGEST_BYTES:,} bytes. Make the model smaller, or "
            "cut it into two. "
            f"Received: model {model.name!r}, with {taken:,} bytes of weights"
        )


def _check_wrappers(model: Any) -> None:
    if tfmot_layers.pruned_layers(model):
        raise ModelError(
            "The model is still being pruned; give it to finalize of the pruning "
            f"first. Received: model {model.name!r}"
        )
    tfmot_layers.check_clustering_done(model)
    untouched = [layer.name for layer in activation_ranges(model) if not layer.is_known]
    if untouched:
        raise ModelError(
            "The model does not know the ranges of its activations; give it to "
            "tfcompress.quantization.calibrate with data before training and export. "
            f"Received: model {model.name!r}, with ranges never set in {untouched}"
        )


def _check_text(model: Any) -> None:
    """Raises an error for layers that turn text into numbers."""
    for layer in model._flatten_layers():
        kind = type(layer).__name__
        if kind == "TextVectorization" or (
            kind in ("StringLookup", "Hashing") and _takes_text(model)
        ):
            raise ExportError(
                "TFLite has no operations on text. Move the layer in front of the "
                "model: call it on the text in the app or the data pipeline, and "
                "build the model on the numbers that it gives. "
                f"Received: layer {layer.name!r} ({kind})"
            )


def _takes_text(model: Any) -> bool:
    return any("string" in str(tensor.dtype) for tensor in model.inputs)
