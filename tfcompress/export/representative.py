"""Representative data: the inputs from which the converter learns ranges."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfcompress import data as data_module
from tfcompress.errors import DataError
from tfcompress.export.signature import Signature


def read_samples(
    data: Any, signature: Signature, *, samples: int
) -> dict[str, np.ndarray]:
    """Reads representative samples, checked against a model's inputs.

    Args:
        data: Inputs in a form that `tfcompress.data.batches` accepts; labels and
            weights in it are not used.
        signature: The model's inputs, by name.
        samples: How many samples to read at the most.

    Returns:
        An array of shape `(samples, ...)` for each input name, in the input's dtype.

    Raises:
        DataError: If there is no sample, if the number of inputs, their names or shapes
            do not fit the model, or if a number is NaN or infinite.
    """
    taken = data_module.take(data, samples)
    if signature.keys and isinstance(taken, dict):
        if set(taken) != set(signature.keys):
            raise DataError(
                "Representative data must name the model's inputs "
                f"{list(signature.keys)}. Received: {list(taken)}"
            )
        arrays = [taken[key] for key in signature.keys]
    else:
        arrays = data_module.leaves(taken)
    if len(arrays) != len(signature.inputs):
        raise DataError(
            "Representative data must hold an array for each of the inputs "
            f"{list(signature.inputs)}. Received: {len(arrays)} arrays"
        )
    if not data_module.length(arrays):
        raise DataError(
            "Representative data must hold one sample at least; 100 to 500 are usual. "
            f"Received: {data_module.describe(data)}"
        )
    read = {}
    for array, (name, spec) in zip(arrays, signature.inputs.items(), strict=True):
        data_module.check_finite(array, f"Representative data for input '{name}'")
        read[name] = np.asarray(array).astype(spec.dtype.as_numpy_dtype)
        shape = read[name].shape
        if len(shape) == len(spec.shape) - 1 and spec.shape[-1] == 1:
            read[name] = read[name][..., np.newaxis]
        elif len(shape) != len(spec.shape) or any(
            expected not in (None, received)
            for expected, received in zip(spec.shape[1:], shape[1:], strict=True)
        ):
            raise DataError(
                f"Representative data for input '{name}' must have the shape "
                f"(samples, {', '.join(map(str, spec.shape[1:]))}). "
                f"Received: an array of shape {shape}"
            )
    return read


def as_generator(
    samples: dict[str, np.ndarray], batch: int
) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """Returns the samples as the converter wants them: batch by batch, by name."""
    count = data_module.length(list(samples.values())) // batch * batch

    def generate() -> Iterator[dict[str, np.ndarray]]:
        for start in range(0, count, batch):
            stop = start + batch
            yield {name: array[start:stop] for name, array in samples.items()}

    return generate
