"""Data in the forms that Keras users have, read batch by batch as NumPy arrays."""

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np

from tfcompress.errors import DataError

ACCEPTED = (
    "a tf.data.Dataset of batches, a Keras PyDataset, a tuple of arrays (x, y) or "
    "(x, y, sample_weight), an array or a dict of arrays, or a function without "
    "arguments that returns an iterable of batches"
)


class Batch(NamedTuple):
    """One batch: inputs, and labels and sample weights where there are any.

    Attributes:
        x: An array of shape `(batch, ...)`, or a list or dict of such arrays.
        y: Labels in the same forms, or None.
        sample_weight: An array of shape `(batch,)`, or None.

    Example:
    ```python
    import numpy as np
    from tfcompress.data import Batch

    assert Batch(np.zeros((32, 8))).y is None
    ```
    """

    x: Any
    y: Any = None
    sample_weight: Any = None


def batches(data: Any, *, batch_size: int = 256) -> Iterator[Batch]:
    """Reads data of any accepted form, batch by batch, as NumPy arrays.

    Args:
        data: A `tf.data.Dataset` of batches, a Keras `PyDataset`, a tuple of arrays
            `(x, y)` or `(x, y, sample_weight)`, an array or a dict of arrays (`x`
            alone), or a function without arguments that returns an iterable of
            batches. An iterator is refused, for it can be read only once.
        batch_size: Samples in a batch, where `data` holds whole arrays. What is
            batched already is taken as it is.

    Yields:
        `Batch` tuples.

    Raises:
        DataError: If the form is not one of these, if arrays differ in length, or
            if there is no sample in it.

    Example:
    ```python
    for x, y, _ in tfc.data.batches((images, labels), batch_size=64):
        ...
    ```
    """
    count = 0
    for batch in _read(data, batch_size):
        count += 1
        yield batch
    if not count:
        raise DataError(
            "The data is empty: expected one batch at least, of one sample at least. "
            f"Received: {describe(data)}"
        )


def take(data: Any, samples: int, *, batch_size: int = 256) -> Any:
    """Returns the inputs of the first samples, as one array or structure of arrays.

    Args:
        data: Data in a form that `batches` accepts.
        samples: How many samples to take at the most.
        batch_size: As in `batches`.

    Returns:
        The inputs `x`: an array of shape `(samples, ...)`, or a list or dict of them.

    Raises:
        DataError: As `batches` does.

    Example:
    ```python
    assert len(tfc.data.take((np.zeros((8, 3)), np.zeros(8)), 5)) == 5
    ```
    """
    parts, count = [], 0
    for batch in batches(data, batch_size=min(batch_size, samples)):
        parts.append(batch.x)
        count += length(batch.x)
        if count >= samples:
            break
    first = parts[0]
    if isinstance(first, dict):
        return {k: join([p[k] for p in parts])[:samples] for k in first}
    if isinstance(first, list):
        columns = zip(*parts, strict=True)
        return [join(column)[:samples] for column in columns]
    return join(parts)[:samples]


def join(parts: Sequence[Any]) -> np.ndarray:
    """Returns the arrays of several batches as one.

    Args:
        parts: Arrays of shape `(batch, ...)`, all with the same sizes after the first.

    Returns:
        An array of shape `(samples, ...)`.

    Raises:
        DataError: If their other sizes differ, as those of sequences do that are padded
            batch by batch.

    Example:
    ```python
    assert tfc.data.join([np.zeros((2, 3)), np.ones((4, 3))]).shape == (6, 3)
    ```
    """
    shapes = [np.shape(part) for part in parts]
    if len({shape[1:] for shape in shapes}) > 1:
        raise DataError(
            "Batches must have the same shape but for the number of samples; pad all "
            "sequences to one length, and give the padding a sample weight of 0. "
            f"Received: batches of shapes {sorted(set(shapes))[:5]}"
        )
    return np.concatenate(parts)


def length(arrays: Any) -> int:
    """Returns the number of samples in an array or a list or dict of arrays.

    Args:
        arrays: An array of shape `(samples, ...)`, or a list or dict of such arrays.

    Returns:
        The size of their first axis.

    Raises:
        DataError: If the arrays differ in it.

    Example:
    ```python
    assert tfc.data.length([np.zeros((8, 3)), np.zeros(8)]) == 8
    ```
    """
    sizes = {np.shape(array)[0] if np.ndim(array) else 0 for array in leaves(arrays)}
    if len(sizes) != 1:
        raise DataError(
            "Arrays of one data set must have the same number of samples. "
            f"Received: {sorted(sizes)} samples"
        )
    return sizes.pop()


def leaves(arrays: Any) -> list[Any]:
    """Returns the arrays inside an array, or a list, tuple or dict of arrays.

    Args:
        arrays: An array, or lists, tuples and dicts of arrays at any depth; None for
            no array.

    Returns:
        The arrays in their order.

    Example:
    ```python
    assert tfc.data.leaves({"a": 1, "b": [2, None]}) == [1, 2]
    ```
    """
    if isinstance(arrays, Mapping):
        return [leaf for value in arrays.values() for leaf in leaves(value)]
    if isinstance(arrays, list | tuple):
        return [leaf for value in arrays for leaf in leaves(value)]
    return [] if arrays is None else [arrays]


def check_finite(arrays: Any, name: str) -> None:
    """Raises an error if any number in the arrays is NaN or infinite.

    Args:
        arrays: An array, or a list or dict of arrays. Whole numbers and strings pass.
        name: What to call the arrays in the message, such as `"x_train"`.

    Raises:
        DataError: Names the first bad sample.

    Example:
    ```python
    tfc.data.check_finite(np.ones((8, 3)), "x_train")
    ```
    """
    for leaf in leaves(arrays):
        array = np.asarray(leaf)
        if not np.issubdtype(array.dtype, np.floating):
            continue
        finite = np.isfinite(array)
        if not finite.all():
            index = int(np.argwhere(~finite)[0][0]) if array.ndim else 0
            raise DataError(
                f"{name} must hold finite numbers only; remove or replace NaN and "
                f"infinite values. Received: {int((~finite).sum())} of them, the first "
                f"in sample {index}"
            )


def check_labels(labels: Any, classes: int, name: str = "y") -> None:
    """Raises an error if whole-number labels do not name one of the classes.

    Args:
        labels: An array of class numbers of shape `(samples,)` or `(samples, 1)`.
            One-hot labels of shape `(samples, classes)` are checked for their width.
        classes: Number of classes, which is the width of the model's output.
        name: What to call the labels in the message.

    Raises:
        DataError: If a label is negative, not a whole number, or too large.

    Example:
    ```python
    tfc.data.check_labels(np.array([0, 2, 1]), 3)
    ```
    """
    array = np.asarray(labels)
    if array.ndim > 1 and array.shape[-1] > 1:
        if array.shape[-1] != classes:
            raise DataError(
                f"{name} has one column for each of {array.shape[-1]} classes, but the "
                f"model has {classes} outputs. Received: {name} of shape {array.shape}"
            )
        return
    if not array.size:
        return
    whole = array if np.issubdtype(array.dtype, np.integer) else np.rint(array)
    if not np.array_equal(whole, array):
        raise DataError(
            f"{name} must hold class numbers from 0 to {classes - 1}. Received: "
            f"numbers that are not whole, such as {array[whole != array].flat[0]}"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= classes:
        raise DataError(
            f"{name} must hold class numbers from 0 to {classes - 1}, for there are "
            f"{classes} classes. Received: labels from {low} to {high}"
        )


def describe(data: Any) -> str:
    """Returns a short description of data for an error message.

    Args:
        data: Anything.

    Returns:
        Type, shape and dtype of an array, or the type of what is none.

    Example:
    ```python
    assert tfc.data.describe(np.zeros(3)) == "array of shape (3,) and dtype float64"
    ```
    """
    if isinstance(data, np.ndarray):
        return f"array of shape {data.shape} and dtype {data.dtype}"
    if isinstance(data, tuple | list) and len(data) < 5:
        inner = ", ".join(describe(value) for value in data)
        return f"{type(data).__name__} of ({inner})"
    return f"{type(data).__module__}.{type(data).__name__}"


def _read(data: Any, batch_size: int) -> Iterator[Batch]:
    if is_dataset(data):
        yield from map(_as_batch, data.as_numpy_iterator())
    elif is_whole(data):
        yield from _slice(_as_batch(data), batch_size)
    elif isinstance(data, Iterator):
        raise DataError(
            "An iterator can be read only once; pass what it came from, or a function "
            f"that returns a new one. Received: {describe(data)}"
        )
    elif isinstance(data, Iterable):
        yield from map(_as_batch, data)
    elif isinstance(data, Sized) and callable(getattr(data, "__getitem__", None)):
        yield from (_as_batch(data[i]) for i in range(len(data)))  # type: ignore[index]
    elif isinstance(data, Callable):  # type: ignore[arg-type]
        yield from map(_as_batch, data())
    else:
        raise DataError(f"Expected {ACCEPTED}. Received: {describe(data)}")


def is_whole(data: Any) -> bool:
    """Returns whether this is arrays that hold all samples, and not batches of them.

    Args:
        data: Data in a form that `batches` accepts.

    Returns:
        True for an array, a tuple or dict of arrays, and a list that begins with an
        array: one for each input. False for a data set, and for a list of batches.

    Example:
    ```python
    assert tfc.data.is_whole((images, labels))
    assert not tfc.data.is_whole([(images, labels), (images, labels)])
    ```
    """
    if isinstance(data, list):
        return bool(data) and _is_array(data[0])
    return not is_dataset(data) and (isinstance(data, tuple | dict) or _is_array(data))


def is_dataset(data: Any) -> bool:
    """Returns whether this is a `tf.data.Dataset`, without importing TensorFlow.

    Args:
        data: Anything.

    Returns:
        Whether it is one; False where TensorFlow has not been imported.

    Example:
    ```python
    assert not tfc.data.is_dataset([1, 2])
    ```
    """
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)


def _is_array(data: Any) -> bool:
    """Whether this is an array, of NumPy or of whatever NumPy can read."""
    return callable(getattr(data, "__array__", None))


def _as_batch(element: Any) -> Batch:
    if not isinstance(element, tuple):
        return Batch(_as_numpy(element))
    if not 1 <= len(element) <= 3:
        raise DataError(
            "A batch is x, (x, y) or (x, y, sample_weight). "
            f"Received: a tuple of {len(element)}"
        )
    return Batch(*map(_as_numpy, element))


def _as_numpy(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {key: _as_numpy(item) for key, item in value.items()}
    if isinstance(value, tuple) or (
        isinstance(value, list) and any(np.ndim(item) for item in value)
    ):
        return [_as_numpy(item) for item in value]
    return np.asarray(value)


def _slice(batch: Batch, batch_size: int) -> Iterator[Batch]:
    samples = length([part for part in batch if part is not None])
    for start in range(0, samples, batch_size):
        stop = min(start + batch_size, samples)
        yield Batch(*(_rows(part, start, stop) for part in batch))


def _rows(part: Any, start: int, stop: int) -> Any:
    if part is None:
        return None
    if isinstance(part, dict):
        return {key: _rows(value, start, stop) for key, value in part.items()}
    if isinstance(part, list):
        return [_rows(value, start, stop) for value in part]
    return part[start:stop]


def first(data: Any) -> Batch:
    """Returns the first batch, for a look at shapes and dtypes.

    Args:
        data: Data in a form that `batches` accepts.

    Returns:
        A `Batch`.

    Raises:
        DataError: As `batches` does.

    Example:
    ```python
    print(tfc.data.first((images, labels)).x.shape)
    ```
    """
    return next(itertools.islice(batches(data), 1))
