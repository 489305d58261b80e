"""From a Keras model to the bytes of a `.tflite` file."""

import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ExportError
from tfcompress.export.representative import as_generator
from tfcompress.export.signature import Signature
from tfcompress.export.target import Target


def convert(
    model: Any,
    signature: Signature,
    target: Target,
    *,
    samples: dict[str, np.ndarray] | None,
) -> bytes:
    """Converts a Keras model with TensorFlow's converter, to built-in operations only.

    Args:
        model: A functional or Sequential model of either Keras.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold.
        samples: Representative inputs by name, from which the converter learns the
            ranges of a full-integer file. None where the model knows its ranges, as a
            quantization-aware one does, and where the file computes in float.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If an operation has no built-in counterpart, or the converter
            fails for another reason.
    """
    with tempfile.TemporaryDirectory(prefix="tfcompress-") as directory:
        module = tf.Module()
        module.variables_of_model = _variables(model)
        serve = _serving_function(model, signature)
        tf.saved_model.save(module, directory, signatures=serve)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        _set_up(converter, target, samples, signature)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                return converter.convert()
        except Exception as error:
            raise ExportError(_explain(model, error)) from error


def _serving_function(model: Any, signature: Signature) -> Any:
    @tf.function
    def serve(**inputs: Any) -> dict[str, Any]:
        arguments = tf.nest.map_structure(inputs.__getitem__, signature.structure)
        outputs = tf.nest.flatten(model(arguments, training=False))
        return dict(zip(signature.outputs, outputs, strict=True))

    return serve.get_concrete_function(**signature.inputs)


def _variables(model: Any) -> list[Any]:
    """Returns a model's TensorFlow variables, which a SavedModel must hold to keep."""
    if keras_compat.is_tf_keras(model):
        return list(model.variables)
    return [variable.value for variable in model.variables]


def _set_up(
    converter: Any,
    target: Target,
    samples: dict[str, np.ndarray] | None,
    signature: Signature,
) -> None:
    builtins = tf.lite.OpsSet.TFLITE_BUILTINS
    converter.target_spec.supported_ops = [builtins]
    if target.weights == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    if target.full_integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if samples is not None:
            batch = next(iter(signature.inputs.values())).shape[0] or 1
            converter.representative_dataset = as_generator(samples, batch)
    if target.inputs_and_outputs == "int8":
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8


_CAUSES: tuple[tuple[str, Callable[[Any], str]], ...] = (
    (
        "neither a custom op nor a flex op",
        lambda model: (
            "an operation has no counterpart among TFLite's built-in ones; "
            "replace the layer it comes from, or move it in front of the model"
        ),
    ),
    (
        "TensorListReserve",
        lambda model: "a recurrent layer needs a fixed batch size; export with batch=1",
    ),
)


def _explain(model: Any, error: Exception) -> str:
    text = " ".join(str(error).split())
    reasons = [reason(model) for sign, reason in _CAUSES if sign in text]
    because = reasons[0] if reasons else "the converter failed"
    return (
        f"Cannot write model {model.name!r} as a .tflite file: {because}. "
        f"Received: {text[:500]}"
    )
