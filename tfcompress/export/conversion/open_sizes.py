"""Inputs with axes of no fixed size, other than the batch."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.export.conversion.signature import Signature

# Large enough for most networks first, then larger for deep ones, then smaller for
# those with tables of positions.
_SIZES = (32, 64, 128, 224, 299, 16, 8, 4, 2, 1)


def note_open_sizes(signature: Signature) -> tuple[str, ...]:
    """Says which inputs have axes of no fixed size, where some have."""
    found = [
        f"{name} ({', '.join('any' if s is None else str(s) for s in spec.shape)})"
        for name, spec in signature.inputs.items()
        if None in spec.shape[1:]
    ]
    if not found:
        return ()
    return (
        "The file leaves sizes open, so the app must call resizeInput before each run "
        "of another size, and delegates other than XNNPACK may refuse it: "
        f"{', '.join(found)}. Build the model with fixed sizes where they are known.",
    )


def find_sizes(model: Any, signature: Signature) -> Signature:
    """Puts sizes in the place of open ones, with which the model can be run.

    Args:
        model: The Keras model.
        signature: Its inputs and outputs.

    Returns:
        The signature with fixed sizes, apart from the batch.

    Raises:
        ArgumentError: If the model runs with none of the sizes that were tried.
    """
    if not any(None in spec.shape[1:] for spec in signature.inputs.values()):
        return signature
    for size in _SIZES:
        fixed = {
            name: tf.TensorSpec(
                [spec.shape[0], *(each or size for each in spec.shape[1:])],
                spec.dtype,
                name=name,
            )
            for name, spec in signature.inputs.items()
        }
        if _runs(model, signature, fixed):
            return dataclasses.replace(signature, inputs=fixed)
    raise ArgumentError(
        "The model leaves sizes open, and runs with none of the sizes "
        f"{sorted(_SIZES)}; give samples of real input as representative_data, for "
        "the file is compared with the model on them. "
        f"Received: model {model.name!r}, representative_data=None"
    )


def _runs(model: Any, signature: Signature, fixed: dict[str, tf.TensorSpec]) -> bool:
    arrays = {
        name: np.zeros((1, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
        for name, spec in fixed.items()
    }
    given = tf.nest.map_structure(
        lambda name: tf.constant(arrays[name]), signature.structure
    )
    try:
        outputs = tf.nest.flatten(model(given, training=False))
    except (ValueError, tf.errors.OpError):
        return False
    return all(np.size(output) for output in outputs)
