"""Dataclasses as plain data, such as JSON holds, and back."""

import collections.abc
import dataclasses
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def encode(value: Any) -> Any:
    """Turns a value into dicts, lists, numbers and strings.

    Args:
        value: A dataclass, or a structure of tuples, lists and mappings, whose leaves
            are numbers, strings, paths, NumPy scalars or dtypes, or None.

    Returns:
        The plain value. What is none of these is described in words.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.account.plain_data import encode

    assert encode({"dtype": np.dtype("int8"), "axes": (1, 2)}) == {
        "dtype": "int8",
        "axes": [1, 2],
    }
    ```
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: encode(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def decode(kind: Any, value: Any) -> Any:
    """Does the reverse of `encode`.

    Args:
        kind: The type that `value` was: a dataclass or an annotation of a field.
        value: Plain data.

    Returns:
        A value of that type. Fields of a dataclass that are not there have their
        defaults.

    Raises:
        TypeError: If the data is not that of such a type, or if a dataclass lacks a
            field; ValueError if it takes no such value.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inner:
            return None
        return decode(next(each for each in inner if each is not type(None)), value)
    form = _form(kind, origin)
    good = isinstance(value, form)
    if not good or (isinstance(value, bool) and form in (int, (int, float))):
        raise TypeError(f"expected {kind}, received {value!r}")
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        given = {
            name: decode(hints[name], value[name]) for name in names if name in value
        }
        return typing.cast(Any, kind)(**given)
    if origin is tuple:
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(decode(*pair) for pair in zip(kinds, value, strict=True))
    if origin in (dict, collections.abc.Mapping):
        return {key: decode(inner[1], item) for key, item in value.items()}
    if kind is np.dtype or origin is np.dtype:
        return np.dtype(value)
    return value


def _form(kind: Any, origin: Any) -> Any:
    """Returns the types of plain data that a value of some type is written as."""
    if dataclasses.is_dataclass(kind) or origin in (dict, collections.abc.Mapping):
        return Mapping
    if origin is tuple:
        return list
    if kind is np.dtype or origin is np.dtype or kind is Path:
        return str
    if kind is float:
        return (int, float)
    return kind if kind in (bool, int, str) else object
