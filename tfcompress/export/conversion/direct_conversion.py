"""TensorFlow's converter on a model as it stands."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ExportError
from tfcompress.export.conversion.child_process import run_converter_in_child
from tfcompress.export.conversion.converter import run_converter
from tfcompress.export.conversion.lstm_scales import mend_lstm_scales
from tfcompress.export.conversion.missing_operations import explain_missing
from tfcompress.export.conversion.separate_states import separate_states
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.targets import Target
from tfcompress.files import temporary_folder

_CAUSES = {
    "TensorListReserve": (
        "a recurrent layer needs a fixed batch size; export with batch=1"
    ),
}
_LOOPS = {"While", "StatelessWhile"}


def convert_directly(
    model: Any,
    signature: Signature,
    target: Target,
    *,
    samples: dict[str, np.ndarray] | None = None,
) -> bytes:
    """Converts a model with TensorFlow's converter, whatever it does with loops.

    Args:
        model: A functional or Sequential model of either Keras.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold.
        samples: Representative inputs by name, or None.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: As `convert_function` does.
        OutputError: As `convert_function` does.
    """
    function = trace(model, signature)
    return convert_function(function, model, signature, target, samples=samples)


def convert_function(
    function: Any,
    model: Any,
    signature: Signature,
    target: Target,
    *,
    samples: dict[str, np.ndarray] | None,
    sparse: bool = False,
    flex: bool = False,
) -> bytes:
    """Converts a function that `trace` has returned.

    What the converter reads goes through a folder on disk, not through memory. It
    works in a child process where it learns the ranges of a loop, for there it may end
    the process.

    Args:
        function: The model as a TensorFlow function.
        model: Where it came from, for what an error says.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold.
        samples: Representative inputs by name, or None.
        sparse: Whether kernels with enough zeros are written in sparse encoding.
        flex: Whether operations without a built-in counterpart go into the file as
            TensorFlow's own, which LiteRT alone does not have.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If an operation has no built-in counterpart and `flex` is False,
            or the converter fails for another reason.
        OutputError: If the temporary folder cannot be written.
    """
    batch = next(iter(signature.inputs.values())).shape[0] or 1
    module = tf.Module()
    # A SavedModel keeps what is attached to it; states are not in `model.variables`.
    module.variables_of_model = list(function.variables)
    with temporary_folder() as path:
        folder = str(path)
        try:
            tf.saved_model.save(module, folder, signatures=function)
        except tf.errors.OpError as error:
            raise OSError(str(error)) from error
        try:
            if samples is not None and has_loops(function):
                return mend_lstm_scales(
                    run_converter_in_child(
                        folder, target, samples, batch, sparse=sparse, flex=flex
                    )
                )
            content = run_converter(
                folder, target, samples, batch, sparse=sparse, flex=flex
            )
            return separate_states(content) if has_loops(function) else content
        except (ExportError, OSError):
            raise
        except Exception as error:
            raise ExportError(_explain(model, error)) from error


def trace(model: Any, signature: Signature) -> Any:
    """Returns a model as a TensorFlow function, by the names of a signature."""
    model = keras_compat.plain_model(model)

    @tf.function
    def serve(**inputs: Any) -> dict[str, Any]:
        arguments = tf.nest.map_structure(inputs.__getitem__, signature.structure)
        outputs = tf.nest.flatten(model(arguments, training=False))
        return dict(zip(signature.outputs, outputs, strict=True))

    return serve.get_concrete_function(**signature.inputs)


def has_loops(function: Any) -> bool:
    """Returns whether a TensorFlow function, as `trace` returns it, holds a loop."""
    definition = function.graph.as_graph_def()
    bodies = [definition.node, *(body.node_def for body in definition.library.function)]
    return any(node.op in _LOOPS for body in bodies for node in body)


def _explain(model: Any, error: Exception) -> str:
    text = " ".join(str(error).split())
    missing = explain_missing(error, [each.name for each in model._flatten_layers()])
    if missing:
        return f"Cannot write model {model.name!r} as a .tflite file: {missing}"
    causes = [cause for sign, cause in _CAUSES.items() if sign in text]
    because = causes[0] if causes else "the converter failed"
    return (
        f"Cannot write model {model.name!r} as a .tflite file: {because}. "
        f"Received: {text[:500]}"
    )
