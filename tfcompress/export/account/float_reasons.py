"""What computes in float in a `.tflite` file, and why."""

import dataclasses
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfcompress.export.census import Operation, float_operations, list_operations
from tfcompress.export.targets import Target
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.operation_name import operation_name, type_name

# Operations of which LiteRT has no kernel for quantized numbers:
# https://github.com/tensorflow/tensorflow/tree/master/tensorflow/lite/kernels
_WITHOUT_INTEGER_KERNEL = frozenset(
    (
        "ATAN2",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "CEIL",
        "COMPLEX_ABS",
        "CONV_3D",
        "CONV_3D_TRANSPOSE",
        "COS",
        "CUMSUM",
        "DIV",
        "EMBEDDING_LOOKUP_SPARSE",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "IMAG",
        "L2_POOL_2D",
        "LOCAL_RESPONSE_NORMALIZATION",
        "MATRIX_DIAG",
        "MATRIX_SET_DIAG",
        "MULTINOMIAL",
        "NEG",
        "POW",
        "RANDOM_STANDARD_NORMAL",
        "RANDOM_UNIFORM",
        "REAL",
        "RFFT2D",
        "RNN",
        "ROUND",
        "SEGMENT_SUM",
        "SIGN",
        "SIN",
        "SPARSE_TO_DENSE",
        "SQUARE",
        "STABLEHLO_COMPOSITE",
        "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        "UNSORTED_SEGMENT_MAX",
        "UNSORTED_SEGMENT_MIN",
        "UNSORTED_SEGMENT_PROD",
        "UNSORTED_SEGMENT_SUM",
    )
)
_WITH_KERNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_SWISH = {"LOGISTIC", "MUL"}
_AFFINE = ("ADD", "MUL", "SUB")


def explain_float_operations(content: bytes, target: Target) -> tuple[Operation, ...]:
    """Lists the operations that compute in float, each with the reason.

    Args:
        content: The bytes of a `.tflite` file.
        target: What the file was made for.

    Returns:
        The operations. `reason` is None where it is not known.
    """
    if not target.full_integer:
        reason = f"{target.name} computes in float"
        plain = float_operations(list_operations(content))
        return tuple(dataclasses.replace(each, reason=reason) for each in plain)
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    roots = {0, *(each.subgraphIndex for each in file.signatureDefs or [])}
    found: list[Operation] = []
    for number, subgraph in enumerate(file.subgraphs):
        graph = _Subgraph(file, subgraph, in_loop=number not in roots)
        operators = [each for each in subgraph.operators or [] if len(each.outputs)]
        found += [graph.describe(operator) for operator in operators]
    return float_operations(tuple(found))


class _Subgraph:
    """A graph of a file, in which the surroundings of an operation can be looked up."""

    def __init__(self, file: Any, subgraph: Any, *, in_loop: bool) -> None:
        self.file = file
        self.tensors = subgraph.tensors
        self.in_loop = in_loop
        self.takers: dict[int, set[str]] = {}
        self.makers: dict[int, str] = {}
        for operator in subgraph.operators or []:
            kind = operation_name(file, operator)
            for index in operator.inputs:
                self.takers.setdefault(int(index), set()).add(kind)
            for index in operator.outputs:
                self.makers[int(index)] = kind

    def describe(self, operator: Any) -> Operation:
        """Returns an operation that has an output, with the reason."""
        output = self.tensors[operator.outputs[0]]
        kind = operation_name(self.file, operator)
        dtype = type_name(output)
        return Operation(kind, dtype, output.name.decode(), self._reason(operator))

    def _reason(self, operator: Any) -> str | None:
        kind = operation_name(self.file, operator)
        if self.in_loop:
            return (
                "it stands in the body of a loop, which the converter leaves in float"
            )
        if kind in _WITHOUT_INTEGER_KERNEL:
            return f"LiteRT has no kernel of {kind} for quantized numbers"
        inputs = [int(index) for index in operator.inputs if index >= 0]
        outputs = [int(index) for index in operator.outputs]
        takers = set().union(*(self.takers.get(index, set()) for index in outputs))
        makers = {self.makers.get(index, "") for index in inputs}
        if kind in _WITH_KERNEL and takers >= _SWISH:
            return (
                "the converter leaves a layer with swish (x * sigmoid(x)) as its "
                "activation in float; write the activation as a layer of its own"
            )
        beside = sorted((takers | makers) & _WITHOUT_INTEGER_KERNEL)
        if beside:
            return f"it stands beside {', '.join(beside)}, which computes in float"
        constant = any(is_constant(self.file, self.tensors[index]) for index in inputs)
        if kind in _AFFINE and constant:
            return (
                "it is a part of a normalization that could not be folded into the "
                "layer before it"
            )
        return None
