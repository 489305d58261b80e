"""The ranges of the activations of a float file, on representative samples."""

import warnings
from collections.abc import Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfcompress import data as data_module
from tfcompress.errors import DataError


def read_ranges(
    content: bytes, samples: Mapping[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
    """Runs a float file on samples and keeps the least and largest of every tensor.

    Args:
        content: The bytes of a float `.tflite` file.
        samples: Inputs by the names in its signature, each of shape `(samples, ...)`.
            A rest that does not fill the file's batch is not read, unless it is all.

    Returns:
        The least and the largest value by the name of each float tensor, for
        `quantize_file`.

    Raises:
        DataError: If a tensor is not finite on the samples.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # keeping tensors takes memory
        interpreter = Interpreter(
            model_content=content, experimental_preserve_all_tensors=True
        )
    inputs = interpreter.get_signature_runner().get_input_details()
    batch = _batch(inputs)
    for name, details in inputs.items():
        shape = (batch, *samples[name].shape[1:])
        interpreter.resize_tensor_input(details["index"], shape)
    interpreter.allocate_tensors()
    ranges: dict[str, tuple[float, float]] = {}
    count = data_module.length(list(samples.values()))
    for start in range(0, max(count - batch, 0) + 1, batch):
        for name, details in inputs.items():
            rows = samples[name][start : start + batch]
            rows = np.concatenate([rows, np.repeat(rows[-1:], batch - len(rows), 0)])
            interpreter.set_tensor(details["index"], rows)
        interpreter.reset_all_variables()
        interpreter.invoke()
        _widen(ranges, interpreter)
    return ranges


def _batch(inputs: Mapping[str, Mapping[str, np.ndarray]]) -> int:
    sizes = [int(details["shape_signature"][0]) for details in inputs.values()]
    return max([1, *sizes])


def _widen(ranges: dict[str, tuple[float, float]], interpreter: Interpreter) -> None:
    for details in interpreter.get_tensor_details():
        if details["dtype"] != np.float32 or not details["name"]:
            continue
        try:
            values = interpreter.get_tensor(details["index"])
        except ValueError:  # a temporary of the runtime, without data
            continue
        if not values.size:
            continue
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            raise DataError(
                "On representative data the model gives numbers that are not finite. "
                f"Received: from {low} to {high} in tensor {details['name']!r}"
            )
        before = ranges.get(details["name"], (low, high))
        ranges[details["name"]] = min(before[0], low), max(before[1], high)
