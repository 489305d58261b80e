"""What is inside a `.tflite` file: its operations, by kind and by type."""

import collections
import dataclasses
from collections.abc import Collection

from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ExportError
from tfcompress.measurement.files.operation_name import operation_name, type_name

_DOORS = {"QUANTIZE", "DEQUANTIZE"}
# What hands a state on, and computes nothing.
_STATES = {"READ_VARIABLE"}


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation of a file.

    Attributes:
        kind: The TFLite name, such as `"CONV_2D"`.
        dtype: The type of its first output, such as `"int8"`.
        output: The name of its first output tensor, which holds the layer's name.
        reason: Why it computes in float, where that was asked and is known.
    """

    kind: str
    dtype: str
    output: str
    reason: str | None = None


def list_operations(content: bytes) -> tuple[Operation, ...]:
    """Lists the operations of a `.tflite` file, in the order in which they run.

    Args:
        content: The bytes of the file.

    Returns:
        The operations of all its subgraphs.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    operations = []
    for subgraph in model.subgraphs:
        for operator in subgraph.operators or []:
            kind = operation_name(model, operator)
            if not len(operator.outputs):
                continue
            output = subgraph.tensors[operator.outputs[0]]
            operations.append(Operation(kind, type_name(output), output.name.decode()))
    return tuple(operations)


def count_operations(operations: tuple[Operation, ...]) -> dict[str, int]:
    """Counts operations by kind and type, such as `{"CONV_2D int8": 3}`."""
    counter = collections.Counter(f"{op.kind} {op.dtype}" for op in operations)
    return dict(sorted(counter.items()))


def float_operations(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Returns the operations that compute in float.

    Conversions between float and whole numbers do not count: they are the doors of a
    file that takes or gives float, and stand around any float operation that does. Nor
    does reading the state of a stateful file, which may be kept in float.
    """
    return tuple(
        op
        for op in operations
        if op.dtype in ("float32", "float16") and op.kind not in _DOORS | _STATES
    )


def refuse_float(operations: Collection[Operation]) -> None:
    """Raises an error if a full-integer file holds operations that compute in float.

    Args:
        operations: Those that do.

    Raises:
        ExportError: Names them.
    """
    if operations:
        named = [
            f"{operation.kind} at {operation.output!r}" for operation in operations
        ]
        raise ExportError(
            "The file was to be full integer, and these operations would compute in "
            "float, which strict=True does not allow. Replace their layers, or export "
            f"with strict=False. Received: {'; '.join(named)}"
        )
