"""One operation of a `.tflite` file as a file of its own."""

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.file_layers import layer_name, outputs_of
from tfcompress.measurement.files.operation_name import operation_name

# Operations that run other subgraphs of the file.
_WITH_SUBGRAPHS = {"IF", "STABLEHLO_COMPOSITE", "WHILE"}

# Types of tensors that hold no numbers: variables and tables, lists, texts.
_WITHOUT_NUMBERS = {
    schema.TensorType.RESOURCE,
    schema.TensorType.STRING,
    schema.TensorType.VARIANT,
}


@dataclasses.dataclass(frozen=True)
class OperationCut:
    """A file that holds one operation, with its constants.

    Attributes:
        content: The bytes of the file.
        inputs: Which tensors of the whole file's first subgraph are the inputs, in the
            order of this file's inputs.
    """

    content: bytes
    inputs: tuple[int, ...]


class OperationCutter:
    """Cuts single operations out of the first subgraph of a file.

    What depends on constants alone, such as the DEQUANTIZE of float16 weights, is run
    once when a file is loaded. It is no operation of its own here, but goes with each
    operation that takes its result, so that the kernel of that operation is a constant
    as it is in the whole file. Loops and branches take their subgraphs with them.

    Args:
        model: The file, a `ModelT` of LiteRT's schema. It is not changed.

    Attributes:
        positions: Places of the operations in the first subgraph, those that depend on
            constants alone left out.

    Example:
    ```python
    from ai_edge_litert.tools import flatbuffer_utils
    from tfcompress.measurement.speed.operation_cut import OperationCutter

    cutter = OperationCutter(flatbuffer_utils.read_model("small.tflite"))
    for position in cutter.positions:
        if cutter.can_cut(position):
            print(len(cutter.cut(position, {}).content))
    ```
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._main = model.subgraphs[0]
        self._makers: dict[int, int] = {}
        self.positions: list[int] = []
        for position, operator in enumerate(self._main.operators or []):
            given = _places(operator.inputs)
            random = "RANDOM" in self.kind(position)
            if given and not random and all(map(self._is_constant, given)):
                made = dict.fromkeys(_places(operator.outputs), position)
                self._makers.update(made)
            else:
                self.positions.append(position)

    def kind(self, position: int) -> str:
        """Returns the TFLite name of an operation, such as `"CONV_2D"`."""
        return operation_name(self._model, self._main.operators[position])

    def layer(self, position: int) -> str:
        """Returns the name of the layer of an operation, or '' if it gives nothing."""
        tensors = self._main.tensors
        given = _places(self._main.operators[position].inputs)
        weights = [tensors[place] for place in given if self._is_constant(place)]
        outputs = outputs_of(self._main.operators[position])
        return layer_name(weights, tensors[outputs[0]]) if outputs else ""

    def can_cut(self, position: int) -> bool:
        """Returns whether an operation gives and takes numbers alone."""
        operator = self._main.operators[position]
        places = [*_places(operator.inputs), *_places(operator.outputs)]
        types = {self._main.tensors[place].type for place in places}
        return len(_places(operator.outputs)) > 0 and not types & _WITHOUT_NUMBERS

    def inputs(self, position: int) -> list[int]:
        """Returns which tensors an operation takes that are neither fixed nor kept."""
        given = dict.fromkeys(_places(self._main.operators[position].inputs))
        return [
            place
            for place in given
            if not self._is_constant(place) and not self._main.tensors[place].isVariable
        ]

    def cut(self, position: int, shapes: Mapping[int, tuple[int, ...]]) -> OperationCut:
        """Writes one operation as a file.

        Args:
            position: One of `positions`.
            shapes: Shapes of tensors, by their places, where the file leaves them open.

        Returns:
            The `OperationCut`.
        """
        kept = [*sorted(self._needed(position)), position]
        operators = [copy.copy(self._main.operators[place]) for place in kept]
        used = dict.fromkeys(place for one in operators for place in _used(one))
        number = {place: index for index, place in enumerate(used)} | {-1: -1}
        for operator in operators:
            operator.inputs = _renumber(operator.inputs, number)
            operator.outputs = _renumber(operator.outputs, number)
            operator.intermediates = _renumber(operator.intermediates, number)
        inputs = self.inputs(position)
        graph = schema.SubGraphT()
        graph.operators = operators
        graph.tensors = [self._tensor(place, shapes) for place in used]
        graph.inputs = [number[place] for place in inputs]
        graph.outputs = operators[-1].outputs
        others = self._model.subgraphs[1:]
        subgraphs = [graph, *(others if self.kind(position) in _WITH_SUBGRAPHS else [])]
        buffers = {tensor.buffer for one in subgraphs for tensor in one.tensors}
        model = schema.ModelT()
        model.version = self._model.version
        model.operatorCodes = self._model.operatorCodes
        model.subgraphs = subgraphs
        model.buffers = [
            buffer if index in buffers else schema.BufferT()
            for index, buffer in enumerate(self._model.buffers)
        ]
        content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
        return OperationCut(content, tuple(inputs))

    def _is_constant(self, place: int) -> bool:
        tensor = self._main.tensors[place]
        return place in self._makers or is_constant(self._model, tensor)

    def _needed(self, position: int) -> set[int]:
        """Returns the operations that make the constants of an operation."""
        places = _places(self._main.operators[position].inputs)
        makers = {self._makers[place] for place in places if place in self._makers}
        return makers.union(*map(self._needed, makers))

    def _tensor(self, place: int, shapes: Mapping[int, tuple[int, ...]]) -> Any:
        tensor = copy.copy(self._main.tensors[place])
        if place in shapes:
            tensor.shape = np.array(shapes[place], np.int32)
            tensor.shapeSignature = None
        return tensor


def _places(indices: Iterable[int] | None) -> list[int]:
    """Returns the tensors that are there: -1 stands for one that was left out."""
    return [] if indices is None else [int(index) for index in indices if index >= 0]


def _used(operator: Any) -> list[int]:
    lists = (operator.inputs, operator.outputs, operator.intermediates)
    return [place for places in lists for place in _places(places)]


def _renumber(indices: Iterable[int] | None, number: Mapping[int, int]) -> Any:
    if indices is None:
        return None
    return np.array([number[int(index)] for index in indices], np.int32)
