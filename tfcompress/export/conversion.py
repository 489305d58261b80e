"""From a Keras model to the bytes of a `.tflite` file."""

import contextlib
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ExportError, OutputError
from tfcompress.export.child_process import run_converter_in_child
from tfcompress.export.converter import run_converter
from tfcompress.export.signature import Signature
from tfcompress.export.targets import Target

_CAUSES = {
    "neither a custom op nor a flex op": (
        "an operation has no counterpart among TFLite's built-in ones; replace the "
        "layer it comes from, or move it in front of the model"
    ),
    "TensorListReserve": (
        "a recurrent layer needs a fixed batch size; export with batch=1"
    ),
}
_LOOPS = {"While", "StatelessWhile"}


def convert(
    model: Any,
    signature: Signature,
    target: Target,
    *,
    samples: dict[str, np.ndarray] | None,
    sparse: bool = False,
) -> bytes:
    """Converts a Keras model with TensorFlow's converter, to built-in operations only.

    Args:
        model: A functional or Sequential model of either Keras.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold.
        samples: Representative inputs by name, from which the converter learns the
            ranges of a full-integer file. None where the model knows its ranges, as a
            quantization-aware one does, and where the file computes in float.
        sparse: Whether kernels with enough zeros are written in sparse encoding.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If an operation has no built-in counterpart, or the converter
            fails for another reason.
        OutputError: If the temporary folder cannot be written.
    """
    serve = _serving_function(model, signature)
    calibrates_loops = samples is not None and _has_loops(serve)
    if calibrates_loops and not keras_compat.is_tf_keras(model):
        # The LSTM of tf_keras becomes TFLite's own operation, that of Keras 3 a loop.
        model = keras_compat.to_tf_keras(model)
        serve = _serving_function(model, signature)
    batch = next(iter(signature.inputs.values())).shape[0] or 1
    module = tf.Module()
    module.variables_of_model = _variables(model)
    with contextlib.ExitStack() as stack:
        try:
            temporary = tempfile.TemporaryDirectory(prefix="tfcompress-")
            folder = stack.enter_context(temporary)
            tf.saved_model.save(module, folder, signatures=serve)
        except (OSError, tf.errors.OpError) as error:
            raise OutputError(
                f"Cannot write a temporary folder in {tempfile.gettempdir()}: {error}. "
                "Make space there, or set TMPDIR to a folder with space left."
            ) from error
        try:
            if samples is not None and calibrates_loops:
                return run_converter_in_child(
                    folder, target, samples, batch, sparse=sparse
                )
            return run_converter(folder, target, samples, batch, sparse=sparse)
        except ExportError:
            raise
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


def _has_loops(function: Any) -> bool:
    definition = function.graph.as_graph_def()
    bodies = [definition.node, *(body.node_def for body in definition.library.function)]
    return any(node.op in _LOOPS for body in bodies for node in body)


def _explain(model: Any, error: Exception) -> str:
    text = " ".join(str(error).split())
    causes = [cause for sign, cause in _CAUSES.items() if sign in text]
    because = causes[0] if causes else "the converter failed"
    return (
        f"Cannot write model {model.name!r} as a .tflite file: {because}. "
        f"Received: {text[:500]}"
    )
