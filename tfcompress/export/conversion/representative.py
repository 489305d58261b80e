"""Representative data: the inputs from which the converter learns ranges."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress.errors import DataError
from tfcompress.export.conversion.signature import Signature


def read_samples(
    data: Any, signature: Signature, *, samples: int
) -> dict[str, np.ndarray]:
    """Reads representative samples, checked against a model's inputs.

    Args:
        data: Inputs in a form that `tfcompress.data.batches` accepts; labels and
            weights in it are not used. A dict holds them by the names of the model's
            inputs, in any order.
        signature: The model's inputs, by name.
        samples: How many samples to read at the most.

    Returns:
        An array of shape `(samples, ...)` for each input name, in the input's dtype.

    Raises:
        DataError: If there is no sample, if the number of inputs, their names, shapes
            or types do not fit the model, or if a number is NaN or infinite.

    Example:
    ```python
    from tfcompress.export.conversion.representative import read_samples
    from tfcompress.export.conversion.signature import read_signature

    arrays = read_samples(images, read_signature(model, batch=1), samples=512)
    ```
    """
    taken = data_module.take(data, samples)
    arrays = _arrange(taken, signature)
    if not data_module.length(arrays):
        raise DataError(
            "Representative data must hold one sample at least; 100 to 500 are usual. "
            f"Received: {data_module.describe(data)}"
        )
    return {
        name: _fit(_cast(array, name, spec), name, spec)
        for array, (name, spec) in zip(arrays, signature.inputs.items(), strict=True)
    }


def _arrange(taken: Any, signature: Signature) -> list[Any]:
    """Returns the arrays in the order of the model's inputs."""
    if isinstance(taken, dict):
        keys = list(signature.keys or signature.inputs)
        if set(taken) != set(keys):
            raise DataError(
                f"Representative data must name the model's inputs {keys}. "
                f"Received: {list(taken)}"
            )
        return [taken[key] for key in keys]
    arrays = data_module.leaves(taken)
    if len(arrays) != len(signature.inputs):
        raise DataError(
            "Representative data must hold an array for each of the inputs "
            f"{list(signature.inputs)}. Received: {len(arrays)} arrays"
        )
    return arrays


def _cast(array: Any, name: str, spec: tf.TensorSpec) -> np.ndarray:
    """Returns an array in the type of an input, if that holds the same numbers."""
    values = np.asarray(array)
    if spec.dtype == tf.string:
        raise DataError(
            "Ranges cannot be learned from text: give the model whole numbers, and "
            "look tokens up in front of it. "
            f"Received: input '{name}' of type string"
        )
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"Representative data for input '{name}' must be an array of numbers. "
            f"Received: an array of shape {values.shape} and dtype {values.dtype}"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # found below
        cast = values.astype(spec.dtype.as_numpy_dtype, copy=False)
    if spec.dtype.is_integer and not np.array_equal(cast, values):
        data_module.check_finite(values, f"Representative data for input '{name}'")
        raise DataError(
            f"Representative data for input '{name}' must hold whole numbers that "
            f"{spec.dtype.name} can hold. Received: numbers from {values.min()} to "
            f"{values.max()} of dtype {values.dtype}"
        )
    data_module.check_finite(cast, f"Representative data for input '{name}'")
    return cast


def _fit(values: np.ndarray, name: str, spec: tf.TensorSpec) -> np.ndarray:
    """Returns an array with the axes of an input; one of size 1 may be left out."""
    if values.ndim == len(spec.shape) - 1 and spec.shape[-1] == 1:
        values = values[..., np.newaxis]
    if values.ndim != len(spec.shape) or any(
        expected not in (None, received)
        for expected, received in zip(spec.shape[1:], values.shape[1:], strict=True)
    ):
        raise DataError(
            f"Representative data for input '{name}' must have the shape "
            f"(samples, {', '.join(map(str, spec.shape[1:]))}). "
            f"Received: an array of shape {values.shape}"
        )
    return values


def as_generator(
    samples: dict[str, np.ndarray], batch: int
) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """Returns the samples as the converter wants them: batch by batch, by name.

    Args:
        samples: Arrays by input name, each of shape `(samples, ...)`.
        batch: Samples in one run of the file. The last batch is filled up with its last
            sample.

    Returns:
        What the converter calls.
    """
    count = data_module.length(list(samples.values()))

    def generate() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, count, batch):
            rows = np.minimum(np.arange(start, start + batch), count - 1)
            yield {name: array[rows] for name, array in samples.items()}

    return generate
