"""Full-integer files with activations of 16 bits."""

from typing import Any

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.export.conversion.integer_splits import split_whole_numbers
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.recurrent import unroll
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.quantizer.edge_quantizer import quantize_file
from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.export.quantizer.ranges import read_ranges
from tfcompress.export.targets import Target

SLOW = (
    "int16 activations have no fast kernels on CPUs: 40 times the time of float32. "
    "Choose them for an NPU or a microcontroller."
)


def convert_int16(
    model: Any, signature: Signature, target: Target, samples: dict[str, np.ndarray]
) -> bytes:
    """Converts a model to int8 weights and int16 activations.

    TensorFlow's converter fails for rounded activations of 16 bits, or writes biases
    that LiteRT does not take, so the float file is quantized with ai-edge-quantizer.
    The range of each activation is what it is on the samples, which 65535 steps hold as
    well as any other. Loops have no ranges, so the steps of recurrent layers are
    written one after the other, as many as in files of int8.

    Args:
        model: A functional or Sequential model of either Keras, without ranges.
        signature: Its inputs and outputs, by name.
        target: What the file shall take and give.
        samples: Representative inputs by name.

    Returns:
        The bytes of the file.

    Raises:
        ExportError: If the model cannot be converted or quantized.
    """
    unrolled = unroll(model)
    content = convert_named(model if unrolled is None else unrolled, signature)
    content = quantize_file(
        content,
        NumberFormat("int8", "int16"),
        ranges=read_ranges(content, samples),
        float_inputs_and_outputs=target.inputs_and_outputs == "float32",
    )
    return content if unrolled is None else split_whole_numbers(content)


def check_activation_bits(target: Target, bits: set[int]) -> None:
    """Checks that a file has the activations that a model was trained with.

    Args:
        target: What the file is for.
        bits: To how many bits the activations of the model are rounded; empty for a
            model that is not quantization-aware.

    Raises:
        ArgumentError: If the target has other ones.
    """
    wanted = 16 if target.activations == "int16" else 8
    if not target.full_integer or not bits - {wanted}:
        return
    other = "cpu_int16x8" if wanted == 8 else "cpu_int8"
    raise ArgumentError(
        f"The model was trained with activations of {max(bits - {wanted})} bits; a "
        f"file for {target.name} has {wanted}. Use target={other!r}, or train with "
        f"activation_bits={wanted}. Received: target={target.name!r}"
    )
