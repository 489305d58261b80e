"""Dataclasses as plain data, such as JSON holds, and back."""

import collections.abc
import dataclasses
import os
import types
import typing
from collections.abc import Mapping
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
        TypeError: If the data is not that of such a dataclass; so do KeyError and
            ValueError.
    """
    if value is None:
        return None
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        given = {
            name: decode(hints[name], value[name]) for name in names if name in value
        }
        return typing.cast(Any, kind)(**given)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return decode(next(each for each in inner if each is not type(None)), value)
    if origin is tuple:
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(decode(*pair) for pair in zip(kinds, value, strict=True))
    if origin in (dict, collections.abc.Mapping):
        return {key: decode(inner[1], item) for key, item in value.items()}
    if kind is np.dtype or origin is np.dtype:
        return np.dtype(value)
    return value
