"""What a device demands of one kind of operation."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfcompress.errors import ArgumentError


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
        options: Any = self.options
        if isinstance(options, Mapping):
            options = options.items()
        frozen: dict[str, Any] = {
            "options": tuple((name, tuple(values)) for name, values in options),
            "constant_inputs": tuple(self.constant_inputs),
        }
        for field in ("ranks", "types", "weights"):
            value = getattr(self, field)
            frozen[field] = None if value is None else tuple(value)
        for field, value in frozen.items():
            object.__setattr__(self, field, value)


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
