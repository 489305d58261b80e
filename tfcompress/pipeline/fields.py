"""Fields of configurations: what each may hold, checked when it is made.

A configuration is a frozen dataclass of plain values. Its annotations say what is
allowed, so that Python and YAML are checked by the same rule, without TensorFlow.
"""

import dataclasses
import math
import numbers
import os
import sys
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from tfcompress.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Range:
    """Which numbers a field may hold, both ends included unless they are open.

    Attributes:
        low: The least, or None.
        high: The largest, or None.
        low_open: Whether `low` itself is out of range.
        high_open: Whether `high` itself is out of range.
    """

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        above = self.low is None or (
            value > self.low if self.low_open else value >= self.low
        )
        below = self.high is None or (
            value < self.high if self.high_open else value <= self.high
        )
        return above and below

    def __str__(self) -> str:
        low = "" if self.low is None else f"{self.low:.15g}"
        high = "" if self.high is None else f"{self.high:.15g}"
        if low and high:
            without = [
                end
                for end, is_open in ((low, self.low_open), (high, self.high_open))
                if is_open
            ]
            words = f"from {low} to {high}"
            return words + (f", without {' and '.join(without)}" if without else "")
        if low:
            return f"above {low}" if self.low_open else f"of {low} or more"
        if high:
            return f"below {high}" if self.high_open else f"of {high} or less"
        return "that is finite"


Count = Annotated[int, Range(1)]
Positive = Annotated[float, Range(0, low_open=True)]
NotNegative = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
Part = Annotated[float, Range(0, 1, low_open=True, high_open=True)]
Drop = Annotated[float, Range(0, 1, high_open=True)]
Seed = Annotated[int, Range(0, 2**32 - 1)]
ModelSource = Annotated[Any, "a model, the path of a .keras file or 'module:function'"]
_LARGEST = {int: 2**40, float: sys.float_info.max}
_NO_MODEL = (bool, numbers.Number, list, tuple, set, Mapping, bytes)


def check_fields(configuration: Any) -> None:
    """Checks every field against its annotation; for `__post_init__`.

    Whole numbers become floats, and lists tuples, where the annotation says so.

    Args:
        configuration: A frozen dataclass.

    Raises:
        ArgumentError: If a value has another type, is out of range, or is none of the
            choices.

    Example:
    ```python
    import dataclasses
    from tfcompress.pipeline.fields import Count, check_fields

    @dataclasses.dataclass(frozen=True)
    class Settings:
        epochs: Count = 10

        def __post_init__(self):
            check_fields(self)
    ```
    """
    for name, hint in hints_of(type(configuration)).items():
        value = check_value(getattr(configuration, name), hint, name)
        object.__setattr__(configuration, name, value)


def hints_of(kind: type) -> dict[str, Any]:
    """Returns the annotations of the fields of a dataclass by name, in order."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def check_value(value: Any, hint: Any, name: str) -> Any:
    """Returns a value as its annotation wants it.

    Args:
        value: What was given.
        hint: The annotation.
        name: What to call it in the message.

    Raises:
        ArgumentError: If it is something else.
    """
    expected = describe_hint(hint)
    result = _fit(value, hint)
    if result is _UNFIT:
        raise ArgumentError(f"{name} must be {expected}. Received: {name}={value!r}")
    return result


def describe_hint(hint: Any) -> str:
    """Says in words what an annotation allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        if isinstance(arguments[1], str):
            return arguments[1]
        kind = "a whole number" if arguments[0] is int else "a number"
        return f"{kind} {arguments[1]}"
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe_hint(each) for each in arguments)
    if origin is tuple:
        return f"a list, each {describe_hint(arguments[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return f"a mapping of names, each to {describe_hint(arguments[1])}"
    names = {
        type(None): "nothing",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
    }
    if hint in names:
        return names[hint]
    return "anything" if hint is Any else f"a {hint.__name__}"


_UNFIT = object()


def _fit(value: Any, hint: Any) -> Any:
    """Returns the value as the annotation wants it, or `_UNFIT`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return _as_plain(value)
    if hint == ModelSource:
        return _fit_model(value)
    if origin is Annotated:
        number = _fit(value, arguments[0])
        return number if number is not _UNFIT and number in arguments[1] else _UNFIT
    if origin is Literal:
        choice = _fit(value, type(arguments[0]))
        return choice if choice in arguments else _UNFIT
    if origin in (typing.Union, types.UnionType):
        fits = (_fit(value, each) for each in arguments)
        return next((fit for fit in fits if fit is not _UNFIT), _UNFIT)
    if origin is tuple:
        return _fit_all(value, arguments[0])
    if origin is not None and issubclass(origin, Mapping):
        return _fit_mapping(value, arguments[1])
    if hint in (int, float):
        kind: Any = numbers.Integral if hint is int else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind):
            return _UNFIT
        return hint(value) if abs(value) <= _LARGEST[hint] else _UNFIT
    if hint is str:
        return str.__str__(value) if isinstance(value, str) else _UNFIT
    return value if isinstance(value, hint) else _UNFIT


def _as_plain(value: Any) -> Any:
    """Returns plain data with lists for tuples, as YAML has them."""
    if isinstance(value, Mapping):
        return {key: _as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_plain(item) for item in value]
    return value


def _fit_model(value: Any) -> Any:
    if isinstance(value, str | os.PathLike):
        return os.fspath(value) or _UNFIT
    return _UNFIT if isinstance(value, _NO_MODEL) or value is None else value


def _fit_all(values: Any, hint: Any) -> Any:
    if not isinstance(values, list | tuple):
        return _UNFIT
    fits = tuple(_fit(value, hint) for value in values)
    return _UNFIT if any(fit is _UNFIT for fit in fits) else fits


def _fit_mapping(values: Any, hint: Any) -> Any:
    if not isinstance(values, Mapping) or not all(isinstance(k, str) for k in values):
        return _UNFIT
    fits = {key: _fit(value, hint) for key, value in values.items()}
    return _UNFIT if any(fit is _UNFIT for fit in fits.values()) else fits
