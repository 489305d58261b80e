"""What tells data from other data: its content, or how it is made."""

import dataclasses
import hashlib
import itertools
from typing import Any

import numpy as np

from tfcompress.data import Batch, batches, first, is_dataset, is_whole, leaves

_DIGITS = 16
_MODULUS = 1 << 128
_INFINITE = -1


@dataclasses.dataclass(frozen=True)
class DataFingerprint:
    """What tells data from other data.

    Attributes:
        code: 16 hexadecimal digits.
        of: What was looked at: `"content"`; or `"form"`, types, shapes and number of
            batches alone, where two passes over the data are not of the same samples,
            as with random augmentation, or where it has no end.

    Example:
    ```python
    from tfcompress.pipeline.data_fingerprint import DataFingerprint

    assert str(DataFingerprint("0f3a", "content")) == "0f3a of its content"
    ```
    """

    code: str
    of: str

    def __str__(self) -> str:
        return f"{self.code} of its {self.of}"


def fingerprint_data(data: Any) -> DataFingerprint:
    """Returns the fingerprint of data.

    Arrays are told by their bytes in their order. What comes in batches is read twice
    and told by its samples in any order, for a data set may be shuffled.

    Args:
        data: Data in a form that `tfcompress.data.batches` accepts.

    Returns:
        The `DataFingerprint`.

    Raises:
        DataError: If the data cannot be read.

    Example:
    ```python
    from tfcompress.pipeline.data_fingerprint import fingerprint_data

    fingerprint = fingerprint_data((x, y))
    ```
    """
    if is_whole(data):
        return DataFingerprint(_of_arrays(data), "content")
    if is_dataset(data) and int(data.cardinality()) == _INFINITE:
        return DataFingerprint(_of_form(data, _INFINITE), "form")
    content, count = _of_samples(data)
    again, _ = _of_samples(data)
    if content == again:
        return DataFingerprint(content, "content")
    return DataFingerprint(_of_form(data, count), "form")


def _of_arrays(data: Any) -> str:
    digest = hashlib.blake2b()
    whole = next(itertools.islice(batches(data, batch_size=1 << 62), 1))
    digest.update(_structure(whole).encode())
    for leaf in leaves(list(whole)):
        _add(digest, np.asarray(leaf))
    return digest.hexdigest()[:_DIGITS]


def _of_samples(data: Any) -> tuple[str, int]:
    """Returns a fingerprint that the order does not change, and the batches."""
    total = samples = count = 0
    for batch in batches(data):
        count += 1
        arrays = [np.asarray(array) for array in leaves(list(batch))]
        for row in zip(*arrays, strict=True):
            digest = hashlib.blake2b(digest_size=16)
            for value in row:
                _add(digest, np.asarray(value))
            total += int.from_bytes(digest.digest())
            samples += 1
    text = f"{total % _MODULUS} {samples}"
    return hashlib.blake2b(text.encode()).hexdigest()[:_DIGITS], count


def _of_form(data: Any, count: int) -> str:
    if is_dataset(data):
        form = str(data.element_spec)
    else:
        form = f"{type(data).__qualname__} {_structure(first(data))}"
    text = f"{form} {count}"
    return hashlib.blake2b(text.encode()).hexdigest()[:_DIGITS]


def _structure(batch: Batch) -> str:
    """Returns names, types and shapes of one sample."""

    def show(part: Any) -> str:
        if isinstance(part, dict):
            return str({key: show(value) for key, value in part.items()})
        if isinstance(part, list | tuple):
            return str([show(value) for value in part])
        if part is None:
            return "none"
        array = np.asarray(part)
        return f"{array.dtype} {array.shape[1:]}"

    return show(list(batch))


def _add(digest: Any, array: np.ndarray) -> None:
    if array.dtype == object:  # Strings, whose bytes are addresses.
        array = np.array(array.tolist())
    digest.update(f"{array.dtype} {array.shape}\n".encode())
    digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
