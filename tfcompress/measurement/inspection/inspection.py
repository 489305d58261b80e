"""What is inside a model file, layer by layer."""

import os
from pathlib import Path
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.measurement.files.subject import path_of
from tfcompress.measurement.inspection.file_inspection import inspect_file
from tfcompress.measurement.inspection.inspection_result import Inspection
from tfcompress.measurement.inspection.model_inspection import (
    inspect_keras_file,
    inspect_model,
)

_KERAS_NAMES = (".keras", ".h5", ".hdf5")
_KERAS_STARTS = (b"PK", b"\x89HDF")
_TFLITE_START = b"TFL3"  # after four bytes


def inspect(model_or_file: Any, *, trusted: bool = False) -> Inspection:
    """Says what is inside a model: weights, types, zeros, bytes and products.

    A `.tflite` file is read, not run, and needs no TensorFlow: each operation is a row,
    with the constants that it takes as its weights, through `DEQUANTIZE` and the like,
    which are not rows of their own then. What counts as a weight and as a zero is as in
    `count_weights`, and multiply-adds are as in `count_operation_multiply_adds`.

    A Keras model is loaded, and each layer is a row, with weights and multiply-adds as
    in `summary`. Bits and granularity of a quantization-aware model are those it is
    trained for; its bytes are those of the numbers in this file.

    Args:
        model_or_file: The path of a `.tflite` file, of a `.keras` or `.h5` file of
            Keras 3 or tf_keras, or of a SavedModel folder of tf_keras; or a built model
            of either Keras, whose bytes are those of its weights.
        trusted: Whether a Keras file may run code that it holds; see
            `keras_compat.load_model`.

    Returns:
        The `Inspection`.

    Raises:
        ModelError: If there is no such file, if it is damaged or of another kind, or
            if it holds a `Lambda` layer and is not trusted.
        ArgumentError: If it is neither.

    Example:
    ```python
    print(tfc.measurement.inspect("small.tflite"))
    ```
    """
    file = path_of(model_or_file)
    if file is None:
        return inspect_model(model_or_file)
    if file.is_dir() or _is_keras(file):
        return inspect_keras_file(os.fspath(file), trusted=trusted)
    return inspect_file(os.fspath(file))


def _is_keras(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in (*_KERAS_NAMES, ".tflite"):
        return suffix != ".tflite"
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ModelError(
            "Expected the path of a .tflite, .keras or .h5 file that can be read. "
            f"Received: path={str(path)!r} ({error.strerror})"
        ) from error
    if start[4:] == _TFLITE_START or start.startswith(_KERAS_STARTS):
        return start[4:] != _TFLITE_START
    raise ModelError(
        "Expected a .tflite file, or a .keras or .h5 file of Keras. "
        f"Received: path={str(path)!r}, which is none of them"
    )
