"""Reads a model as a file will hold it, before anything is rounded."""

from collections.abc import Sequence
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError
from tfcompress.graph import (
    Graph,
    fold_batch_normalization,
    split_separable_convolutions,
)
from tfcompress.names import matches, nearest


def read_folded(model: Any) -> Graph:
    """Reads a model with the kernels that the converter rounds.

    Models inside it are dissolved, separable convolutions split into two, and batch
    normalization is folded into the layer before it where that can be.

    Args:
        model: A built functional or Sequential model of either Keras.

    Returns:
        A graph, to be built in the Keras that `origin_of` gives for the model.

    Raises:
        ModelError: If the model is subclassed or not built, not finite, still being
            pruned, or quantization-aware.
    """
    keras_compat.check_model(model)
    if keras_compat.is_tf_keras(model):
        keras_compat.check_plain(model)
    split = split_separable_convolutions(keras_compat.read_flat(model))
    # Building it finds out the shapes within what was split, and names it anew.
    keras = keras_compat.origin_of(model)
    built = keras_compat.build(split, keras=keras, trusted=True)
    return fold_batch_normalization(keras_compat.read(built))


def match_layers(
    patterns: Sequence[str] | None, names: Sequence[str], what: str
) -> list[str]:
    """Returns the names that are among the patterns, or match one of them.

    Args:
        patterns: Names of layers, or patterns such as `"block1_*"`. None for all.
        names: The names that there are.
        what: What the names are, for the message.

    Raises:
        ArgumentError: If patterns are not a list of names, or one matches nothing.
    """
    if patterns is None:
        return list(names)
    single = isinstance(patterns, str)
    if single or not patterns or not all(isinstance(p, str) for p in patterns):
        raise ArgumentError(
            "layers must be a list of names of layers, or of patterns such as "
            f"'block1_*'. Received: layers={patterns!r}"
        )
    found: set[str] = set()
    for pattern in patterns:
        matching = [name for name in names if matches(name, pattern)]
        if not matching:
            raise ArgumentError(
                f"layers must hold names, or patterns such as 'block1_*', of {what}; "
                f"the nearest are {nearest(pattern, names)}. "
                f"Received: layers={[pattern]!r}"
            )
        found.update(matching)
    return [name for name in names if name in found]
