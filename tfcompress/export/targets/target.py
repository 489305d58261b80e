"""What a device demands of the file that it shall run."""

import collections
import dataclasses
import typing
from typing import Literal

from tfcompress.errors import ArgumentError
from tfcompress.export.targets.operation_rule import OperationRule, read_rule

_DOORS = {
    "float32": ("float32",),
    "int8": ("float32", "int8", "uint8"),
    "int16": ("float32", "int16"),
}


@dataclasses.dataclass(frozen=True)
class Target:
    """A deployment target, as plain data.

    `find_target` has those that tfcompress knows, `read_target` reads one of yours from
    a file, and `dataclasses.replace` makes one from another.

    Attributes:
        name: What users call it.
        weights: How weights are stored: `"float32"`, `"float16"`, `"int8"` or `"int4"`.
        activations: What the kernels compute in: `"float32"`, `"int8"` or `"int16"`.
        inputs_and_outputs: The type at the file's door: `"float32"`, `"int8"`,
            `"uint8"` or `"int16"`.
        description: One line for a list of targets.
        operations: What the device has, as rules or names, or None for every built-in
            operation of TFLite.
        float_operations: Whether a full-integer file may hold operations that compute
            in float, where the converter finds no whole-number form of them.
        static_shapes: Whether every tensor must have a shape that is known before the
            file runs.
        batch: The batch that the device demands, or None for any.
        largest_rank: The most axes that a tensor may have, or None.
        largest_inner_axes: How many of the last axes of a tensor may be larger than 1;
            the axes in front of them must be 1. None allows all.
        channel_multiple: What numbers of channels are best divided by, or None. Others
            work; the device fills them up.
        per_tensor_dense: Whether the kernels of Dense layers have one scale for the
            whole tensor, for devices that do not take one for each channel.
        sparse: Whether kernels with enough zeros are written in sparse encoding.
        runtime: What runs the file on the device: `"litert"` or `"tflite-micro"`.

    Raises:
        ArgumentError: If a value is of another type, or none of the choices, or if an
            operation has two rules.

    Example:
    ```python
    import dataclasses

    gpu = tfc.export.find_target("gpu")
    mine = dataclasses.replace(gpu, name="mine", channel_multiple=8)
    ```
    """

    name: str
    weights: Literal["float32", "float16", "int8", "int4"]
    activations: Literal["float32", "int8", "int16"]
    inputs_and_outputs: Literal["float32", "int8", "uint8", "int16"]
    description: str
    operations: tuple[OperationRule, ...] | None = None
    float_operations: bool = True
    static_shapes: bool = False
    batch: int | None = None
    largest_rank: int | None = None
    largest_inner_axes: int | None = None
    channel_multiple: int | None = None
    per_tensor_dense: bool = False
    sparse: bool = False
    runtime: Literal["litert", "tflite-micro"] = "litert"

    def __post_init__(self) -> None:
        for field, kind in typing.get_type_hints(Target).items():
            _check(field, kind, getattr(self, field))
        if self.operations is not None:
            rules = tuple(read_rule(value) for value in self.operations)
            object.__setattr__(self, "operations", rules)
            counts = collections.Counter(rule.name for rule in rules)
            twice = [name for name, count in counts.items() if count > 1]
            if twice:
                raise ArgumentError(
                    "operations of a Target must have one rule for each operation. "
                    f"Received: several for {twice}"
                )
        doors = _DOORS[self.activations]
        if self.inputs_and_outputs not in doors:
            raise ArgumentError(
                f"A file with {self.activations} activations takes and gives "
                f"{' or '.join(doors)}. Received: "
                f"inputs_and_outputs={self.inputs_and_outputs!r}"
            )

    @property
    def full_integer(self) -> bool:
        """Whether every operation shall work on whole numbers."""
        return self.activations != "float32"


def _check(field: str, kind: typing.Any, value: typing.Any) -> None:
    if field == "operations":
        if value is None or isinstance(value, tuple | list):
            return
        expected = "a list of operations"
    elif typing.get_origin(kind) is Literal:
        if value in typing.get_args(kind):
            return
        expected = f"one of {list(typing.get_args(kind))}"
    elif kind in (str, bool):
        if isinstance(value, kind):
            return
        expected = "text" if kind is str else "True or False"
    else:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is None or (whole and value > 0):
            return
        expected = "a whole number of 1 or more"
    raise ArgumentError(
        f"{field} of a Target must be {expected}. Received: {field}={value!r}"
    )
