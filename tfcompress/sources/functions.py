"""Data that a function of the user's returns."""

from collections.abc import Iterable, Iterator, Sized
from typing import Any

from tfcompress.data import Batch, batches, describe
from tfcompress.errors import DataError
from tfcompress.sources.dataset import Dataset
from tfcompress.sources.named_function import call_named_function
from tfcompress.sources.parts import Part, Raw

_PARTS: tuple[Part, ...] = ("train", "validation", "test")
_WHOLE = 2**31
_ONCE = ", and not an iterator, which can be read only once"


def read_function(text: str) -> Raw:
    """Reads data by calling a function of the user's.

    Args:
        text: `"module:function"` or `"path/to/file.py:function"`. The function takes no
            arguments and returns `(train, validation)` or `(train, validation, test)`,
            each `(x, y)` of arrays, a `tf.data.Dataset` of batches or any other form
            that `tfcompress.data.batches` accepts; arrays `(x, y)`, which are split; or
            a `Dataset`.

    Returns:
        Arrays as NumPy arrays, all else as it came.

    Raises:
        DataError: If there is no such function, if it raises, or returns anything else.
    """
    value = call_named_function(text, error=DataError)
    if isinstance(value, Dataset):
        parts = {part: getattr(value, part) for part in _PARTS}
        found = {part: each for part, each in parts.items() if each is not None}
        names = value.class_names
        return Raw(value.name, _plain(found, text), names, value.notes)
    if not isinstance(value, tuple | list) or len(value) not in (2, 3):
        raise DataError(
            "The function must return (train, validation) or (train, validation, "
            "test), each (x, y) or a tf.data.Dataset of batches; or arrays (x, y). "
            f"Received: {text!r}, which returned {describe(value)}"
        )
    if len(value) == 2 and all(_is_arrays(each) for each in value):
        return Raw(text, _plain({"all": tuple(value)}, text))
    return Raw(text, _plain(dict(zip(_PARTS, value, strict=False)), text))


def _plain(parts: dict[Part, Any], text: str) -> dict[Part, Any]:
    """Returns the parts, those of whole arrays as NumPy arrays."""
    plain = {}
    for part, value in parts.items():
        if isinstance(value, list) and len(value) in (2, 3):
            value = tuple(value)
        if not isinstance(value, tuple) and not _gives_batches(value):
            raise DataError(
                f"The {part} must be (x, y) or a tf.data.Dataset of batches"
                f"{_ONCE if isinstance(value, Iterator) else ''}. "
                f"Received: {text!r}, whose {part} is {describe(value)}"
            )
        if isinstance(value, tuple):
            try:
                batch: Batch = next(batches(value, batch_size=_WHOLE))
            except DataError as error:
                raise DataError(f"The {part} of {text!r}: {error}") from error
            value = tuple(each for each in batch if each is not None)
        plain[part] = value
    return plain


def _gives_batches(value: Any) -> bool:
    indexed = isinstance(value, Sized) and hasattr(value, "__getitem__")
    made = isinstance(value, Iterable) or indexed or callable(value)
    return made and not _is_arrays(value) and not isinstance(value, str | Iterator)


def _is_arrays(value: Any) -> bool:
    """Whether this is an array, or a dict of them."""
    return isinstance(value, dict) or callable(getattr(value, "__array__", None))
