"""What a device demands of one kind of operation."""

import dataclasses
import functools
from collections.abc import Collection, Mapping
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ArgumentError
from tfcompress.names import nearest


@dataclasses.dataclass(frozen=True)
class OperationRule:
    """An operation that a device has, and the forms of it that it has.

    What is None is not limited.

    Attributes:
        name: The TFLite name, such as `"CONV_2D"`.
        version: The highest version of the operation.
        inputs: How many inputs it takes, where the number varies.
        ranks: How many axes its first input may have.
        types: The types that its first input may have, such as `"int8"`.
        weights: The types that its kernel may have, where it has a constant one.
        constant_inputs: Places of inputs that must be constants of the file.
        options: Values that its options may have, by the name that they have in
            TFLite's schema, such as `{"ellipsisMask": [0]}`.
        largest_elements: The most elements that its first input may have.
        one_way_broadcast: Whether one of two inputs must be as large as the other in
            every axis.

    Raises:
        ArgumentError: If TFLite has no such operation, type or option, or a value is of
            another type.

    Example:
    ```python
    rule = tfc.export.OperationRule("SLICE", ranks=(3, 4))
    ```
    """

    name: str
    version: int | None = None
    inputs: int | None = None
    ranks: tuple[int, ...] | None = None
    types: tuple[str, ...] | None = None
    weights: tuple[str, ...] | None = None
    constant_inputs: tuple[int, ...] = ()
    options: tuple[tuple[str, tuple[int, ...]], ...] = ()
    largest_elements: int | None = None
    one_way_broadcast: bool = False

    def __post_init__(self) -> None:
        _check_known("operation", "name", self.name, _operations())
        for field in ("version", "inputs", "largest_elements"):
            if getattr(self, field) is not None and not self._counts(field):
                raise self._wrong(field, "a whole number of 1 or more, or None")
        if not isinstance(self.one_way_broadcast, bool):
            raise self._wrong("one_way_broadcast", "True or False")
        for field in ("ranks", "constant_inputs"):
            self._freeze(field, int, "whole numbers")
        for field in ("types", "weights"):
            self._freeze(field, str, "types such as ['int8']")
            for name in getattr(self, field) or ():
                _check_known("type", field, name, _types())
        self._freeze_options()

    def _counts(self, field: str) -> bool:
        value = getattr(self, field)
        return type(value) is int and value >= 1

    def _freeze(self, field: str, kind: type, expected: str) -> None:
        """Makes a list a tuple, if all that is in it is of one type."""
        value = getattr(self, field)
        if value is None and field != "constant_inputs":
            return
        if not isinstance(value, tuple | list) or {*map(type, value)} - {kind}:
            raise self._wrong(field, f"a list of {expected}")
        object.__setattr__(self, field, tuple(value))

    def _freeze_options(self) -> None:
        options: Any = self.options
        if isinstance(options, Mapping):
            options = options.items()
        try:
            frozen = tuple((name, tuple(values)) for name, values in options)
        except (TypeError, ValueError):
            raise self._wrong(
                "options", "lists of values by name, such as {'ellipsisMask': [0]}"
            ) from None
        for name, values in frozen:
            _check_known("option", "options", name, _option_names())
            if {*map(type, values)} - {int, float, bool}:
                raise self._wrong("options", "lists of numbers by name")
        object.__setattr__(self, "options", frozen)

    def _wrong(self, field: str, expected: str) -> ArgumentError:
        return ArgumentError(
            f"{field} of an OperationRule must be {expected}. "
            f"Received: {field}={getattr(self, field)!r}, for {self.name!r}"
        )


def _check_known(what: str, field: str, name: Any, known: Collection[str]) -> None:
    if name not in known:
        raise ArgumentError(
            f"TFLite has no such {what}; the nearest are "
            f"{nearest(str(name), known)}. Received: {field}={name!r}"
        )


@functools.cache
def _operations() -> tuple[str, ...]:
    return _public(schema.BuiltinOperator)


@functools.cache
def _types() -> tuple[str, ...]:
    return tuple(name.lower() for name in _public(schema.TensorType))


@functools.cache
def _option_names() -> tuple[str, ...]:
    kinds = [kind for name, kind in vars(schema).items() if name.endswith("OptionsT")]
    return tuple(sorted({field for kind in kinds for field in vars(kind())}))


def _public(names: Any) -> tuple[str, ...]:
    return tuple(name for name in vars(names) if not name.startswith("_"))


def read_rule(value: Any) -> OperationRule:
    """Turns what describes an operation into a rule.

    Args:
        value: A name, a dict with the fields of `OperationRule`, or a rule.

    Returns:
        The rule.

    Raises:
        ArgumentError: If the value is of another form.
    """
    if isinstance(value, OperationRule):
        return value
    if isinstance(value, str):
        return OperationRule(value)
    fields = [field.name for field in dataclasses.fields(OperationRule)]
    if isinstance(value, Mapping) and "name" in value and set(value) <= set(fields):
        return OperationRule(**value)
    raise ArgumentError(
        "An operation of a target must be a TFLite name such as 'CONV_2D', or a table "
        f"with a name and keys of {fields}. Received: {value!r}"
    )
