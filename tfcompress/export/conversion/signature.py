"""The inputs and outputs of a Keras model, by name, as the file will have them."""

import dataclasses
import re
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.names import number_repeated


@dataclasses.dataclass(frozen=True)
class Signature:
    """Names, shapes and types at the door of a model.

    Attributes:
        inputs: A `tf.TensorSpec` for each input, with the file's batch size, by name,
            in the order of the model's flattened inputs.
        outputs: Names of the outputs, in the order of the flattened outputs.
        keys: Keys of the inputs where the model takes a dict, in the same order.
        structure: The structure that the model takes, of input names.
    """

    inputs: dict[str, tf.TensorSpec]
    outputs: tuple[str, ...]
    keys: tuple[str, ...]
    structure: Any


def read_signature(model: Any, batch: int | None) -> Signature:
    """Reads a functional or Sequential model's signature.

    Inputs and outputs given as dicts keep their keys as names; others are named after
    the model's input and output layers, with numbers where a layer gives several:
    `lstm`, `lstm_1`, `lstm_2`. Characters that TFLite does not take in a name become
    underscores.

    Args:
        model: A built model of either Keras.
        batch: Samples in one run of the file, or None for any number.

    Returns:
        The `Signature`.

    Raises:
        ModelError: If two inputs or outputs would have the same name.
    """
    sequential = isinstance(model, keras_compat.keras_of(model).Sequential)
    taken = model.inputs[0] if sequential else model.input
    given = model.outputs[0] if sequential else model.output
    tensors = tf.nest.flatten(taken)
    keys = tuple(sorted(taken)) if isinstance(taken, dict) else ()
    names = _unique(keys or [tensor.name for tensor in tensors], "inputs")
    outputs = [model.layers[-1].name] if sequential else model.output_names
    outputs = sorted(given) if isinstance(given, dict) else number_repeated(outputs)
    return Signature(
        inputs={
            name: tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name=name)
            for name, tensor in zip(names, tensors, strict=True)
        },
        outputs=_unique(outputs, "outputs"),
        keys=keys,
        structure=tf.nest.pack_sequence_as(taken, names),
    )


def _unique(names: Any, what: str) -> tuple[str, ...]:
    found = tuple(re.sub(r"\W", "_", re.sub(r"^(\d)", r"_\1", name)) for name in names)
    if len(set(found)) != len(found):
        raise ModelError(
            f"The {what} of a model must have different names, for a file knows them "
            f"by name. Name its Input and output layers. Received: {list(names)}"
        )
    return found
