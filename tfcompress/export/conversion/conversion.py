"""From a Keras model to the bytes of a `.tflite` file."""

import functools
from typing import Any

import numpy as np

from tfcompress.export.conversion.direct_conversion import (
    convert_function,
    has_loops,
    trace,
)
from tfcompress.export.conversion.integer_splits import split_whole_numbers
from tfcompress.export.conversion.recurrent import (
    convert_with_float_loops,
    convert_with_fused_layers,
    unroll,
)
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.targets import Target


def convert(
    model: Any,
    signature: Signature,
    target: Target,
    *,
    samples: dict[str, np.ndarray] | None,
    sparse: bool = False,
    flex: bool = False,
) -> bytes:
    """Converts a Keras model to a file, of built-in operations unless `flex` is set.

    TensorFlow's converter cannot learn ranges in loops, which recurrent layers are.
    Where it shall, their steps are written one after the other if they are few enough;
    see `tfcompress.export.conversion.recurrent` for what happens if they are not.

    Args:
        model: A functional or Sequential model of either Keras. It is not changed.
        signature: Its inputs and outputs, by name.
        target: What the file shall hold.
        samples: Representative inputs by name, from which the ranges of a full-integer
            file are learned. None where the model knows its ranges, as a
            quantization-aware one does, and where the file computes in float.
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
    write = functools.partial(
        convert_function,
        model=model,
        signature=signature,
        target=target,
        samples=samples,
        sparse=sparse,
        flex=flex,
    )
    function = trace(model, signature)
    if samples is None or not has_loops(function):
        return write(function)
    unrolled = unroll(model)
    if unrolled is not None:
        function = trace(unrolled, signature)
        if not has_loops(function):
            return split_whole_numbers(write(function))
    if target.float_operations:
        return convert_with_float_loops(model, signature, target, samples)
    return convert_with_fused_layers(model, signature, target, samples)
