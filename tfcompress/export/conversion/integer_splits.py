"""Splits whole numbers as they are, without a way through float."""

import copy
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.measurement.files.operation_name import operation_name

# Which input of an operation is what it splits.
_PLACES = {"SPLIT": 1, "SPLIT_V": 0}
_WHOLE = (schema.TensorType.INT8, schema.TensorType.INT16)


def split_whole_numbers(content: bytes) -> bytes:
    """Returns a file whose splits between whole numbers work on whole numbers.

    The first step of an unrolled GRU does not use all parts of what it splits. The
    converter sometimes finds no range of such a part, and then splits in float, between
    a DEQUANTIZE and QUANTIZE operations, or leaves the part alone in float. A split
    changes no number, so its parts can have the scale of the whole.

    Args:
        content: The bytes of a `.tflite` file. It is not changed.

    Returns:
        The bytes of a file that computes the same.

    Example:
    ```python
    from tfcompress.export.conversion.integer_splits import split_whole_numbers

    content = split_whole_numbers(open("int8.tflite", "rb").read())
    ```
    """
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for subgraph in file.subgraphs:
        _Splits(file, subgraph).rewrite()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


class _Splits:
    """The splits of one graph of a file."""

    def __init__(self, file: Any, subgraph: Any) -> None:
        self.subgraph = subgraph
        self.operators = subgraph.operators or []
        self.kinds = [operation_name(file, each) for each in self.operators]

    def rewrite(self) -> None:
        """Puts whole numbers in the place of real ones, and drops what made these."""
        wholes = {
            int(operator.outputs[0]): int(operator.inputs[0])
            for operator in self._of("DEQUANTIZE")
        }
        others = {int(index) for index in self.subgraph.outputs}
        for kind, operator in zip(self.kinds, self.operators, strict=True):
            if kind != "QUANTIZE":
                others |= {int(index) for index in operator.inputs}
        for kind, place in _PLACES.items():
            for operator in self._of(kind):
                whole = wholes.get(int(operator.inputs[place]))
                if whole is not None and not others & set(map(int, operator.outputs)):
                    self._split(operator, place, whole)
        self._round_unused()
        self._drop_unused()

    def _of(self, kind: str) -> list[Any]:
        operators = zip(self.kinds, self.operators, strict=True)
        return [operator for found, operator in operators if found == kind]

    def _split(self, operator: Any, place: int, whole: int) -> None:
        tensors = self.subgraph.tensors
        if tensors[whole].type not in _WHOLE:
            return
        operator.inputs[place] = whole
        for index in operator.outputs:
            tensors[index].type = tensors[whole].type
            tensors[index].quantization = copy.copy(tensors[whole].quantization)

    def _round_unused(self) -> None:
        """Gives parts that nothing reads, and so have no range, the type of others."""
        taken = self._taken()
        tensors = self.subgraph.tensors
        for kind, place in _PLACES.items():
            for operator in self._of(kind):
                whole = tensors[int(operator.inputs[place])]
                if whole.type not in _WHOLE:
                    continue
                for index in set(map(int, operator.outputs)) - taken:
                    tensors[index].type = whole.type
                    tensors[index].quantization = copy.copy(whole.quantization)

    def _taken(self) -> set[int]:
        taken = {int(index) for index in self.subgraph.outputs}
        for operator in self.operators:
            taken |= {int(index) for index in operator.inputs}
        return taken

    def _drop_unused(self) -> None:
        taken = self._taken()
        self.subgraph.operators = [
            operator
            for kind, operator in zip(self.kinds, self.operators, strict=True)
            if kind != "DEQUANTIZE" or int(operator.outputs[0]) in taken
        ]
