"""What a model takes and gives, and data brought to it where that loses nothing."""

import dataclasses
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.names import nearest


@dataclasses.dataclass(frozen=True)
class ModelInput:
    """One input of a model.

    Attributes:
        name: By which a dict of inputs names it.
        shape: With the axis of samples first; None where a size is open.
        dtype: Of NumPy; text is `object`.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype


def inputs_of(model: Any) -> list[ModelInput]:
    """Returns the inputs of a built model of either Keras, in their order.

    Example:
    ```python
    import keras
    from tfcompress.sources.model_inputs import inputs_of

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.ReLU()])
    assert inputs_of(model)[0].shape == (None, 8, 8, 1)
    ```
    """
    try:
        structure = model.input
    except AttributeError:  # A Sequential that was never called has `inputs` alone.
        structure = model.inputs
    if not isinstance(structure, dict):
        structure = {tensor.name: tensor for tensor in model.inputs}
    return [
        ModelInput(str(name), tuple(tensor.shape), _dtype(tensor))
        for name, tensor in structure.items()
    ]


def classes_of(model: Any) -> int | None:
    """Returns the width of a model's output, where it has one of several columns."""
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        return None
    width = model.outputs[0].shape[1]
    return int(width) if width and width > 1 else None


def fit_inputs(x: Any, inputs: list[ModelInput]) -> Any:
    """Brings inputs to what a model takes, where nothing is lost by it.

    Numbers take the dtype of the input, an axis of one channel is added or taken away.
    What does not fit otherwise is left as it is.

    Args:
        x: An array, or a dict of arrays by the names of inputs, or a list of arrays.
        inputs: Of the model.

    Returns:
        An array for a single input, else a dict or list of arrays.

    Raises:
        DataError: If the model has no input of a name.
    """
    if isinstance(x, dict):
        known = {each.name: each for each in inputs}
        for name in x:
            if name not in known:
                raise DataError(
                    "Arrays of a model of several inputs must have the names of these. "
                    f"Received: {name!r}; nearest: {', '.join(nearest(name, known))}"
                )
        fitted = {name: _fit(array, known[name]) for name, array in x.items()}
        return fitted[inputs[0].name] if len(inputs) == 1 else fitted
    if isinstance(x, list | tuple):
        if len(x) != len(inputs):
            return list(x)
        return [_fit(array, each) for array, each in zip(x, inputs, strict=True)]
    return _fit(x, inputs[0]) if len(inputs) == 1 else x


def fit_labels(y: Any, model: Any) -> Any:
    """Brings labels to plain dtypes, and class numbers to shape `(samples,)`.

    Args:
        y: An array, or a dict or list of arrays for a model of several outputs.
        model: The model, or None.

    Returns:
        Whole numbers as int64, others as float32.
    """
    if isinstance(y, dict):
        return {name: _fit_label(array, flat=False) for name, array in y.items()}
    if isinstance(y, list | tuple):
        return [_fit_label(array, flat=False) for array in y]
    return _fit_label(y, flat=model is not None and classes_of(model) is not None)


def _dtype(tensor: Any) -> np.dtype:
    name = getattr(tensor.dtype, "name", tensor.dtype)
    if name == "bfloat16":
        return np.dtype(np.float32)
    return np.dtype(object) if name == "string" else np.dtype(name)


def _fit(array: np.ndarray, wanted: ModelInput) -> np.ndarray:
    if array.dtype.kind in "biuf" and _holds(array, wanted.dtype):
        array = array.astype(wanted.dtype, copy=False)
    if array.ndim + 1 == len(wanted.shape) and wanted.shape[-1] == 1:
        return array[..., np.newaxis]
    if array.ndim == len(wanted.shape) + 1 and array.shape[-1] == 1:
        return array[..., 0]
    return array


def _holds(array: np.ndarray, dtype: np.dtype) -> bool:
    """Returns whether the numbers stay what they are in another dtype."""
    if dtype.kind == "f":
        return True
    if dtype.kind not in "iu" or not array.size:
        return dtype.kind == array.dtype.kind
    limits = np.iinfo(dtype)
    with np.errstate(invalid="ignore"):
        whole = array.dtype.kind != "f" or bool((array == np.rint(array)).all())
    return whole and array.min() >= limits.min and array.max() <= limits.max


def _fit_label(y: np.ndarray, *, flat: bool) -> np.ndarray:
    if y.dtype.kind not in "biuf":
        return y
    if flat and y.size == len(y):
        y = y.reshape(-1)
        if y.dtype.kind == "f" and np.array_equal(y, np.rint(y)):
            y = y.astype(np.int64)
    return y.astype(np.float32 if y.dtype.kind == "f" else np.int64, copy=False)
