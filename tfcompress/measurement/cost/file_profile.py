"""What a `.tflite` file costs, operation by operation."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfcompress.measurement.cost.distribution import distribution, join
from tfcompress.measurement.cost.energy import estimate_energy
from tfcompress.measurement.cost.liveness import alive_bytes
from tfcompress.measurement.cost.operation_multiply_adds import (
    batch_size_of,
    count_operation_multiply_adds,
)
from tfcompress.measurement.cost.profile_result import LayerProfile, Profile
from tfcompress.measurement.files.constant_tensors import is_constant
from tfcompress.measurement.files.file import read_tflite
from tfcompress.measurement.files.file_layers import (
    FileLayer,
    FileLayers,
    inputs_of,
    outputs_of,
)
from tfcompress.measurement.files.operation_name import operation_name, type_name
from tfcompress.measurement.files.structure import parse_tflite, reading
from tfcompress.measurement.files.type_bits import type_bits

# Operations that run other subgraphs while their own tensors are alive.
_CALLS = {
    "CALL_ONCE": ("initSubgraphIndex",),
    "IF": ("thenSubgraphIndex", "elseSubgraphIndex"),
    "WHILE": ("condSubgraphIndex", "bodySubgraphIndex"),
}

_LOOP = (
    "Operations of a loop count once, which is one step of a recurrent layer; how many "
    "steps it takes is not in the file."
)


def profile_file(path: Path) -> Profile:
    """Does what `profile` does, of a `.tflite` file.

    Args:
        path: The file.

    Returns:
        The `Profile`.

    Raises:
        ModelError: If there is no such file, or if it is damaged.
    """
    content = read_tflite(path)
    model = parse_tflite(content, path)
    with reading(path):
        rows = tuple(_FileProfile(model, content).rows())
    loops = any(row.kind == "WHILE" for row in rows)
    return Profile(str(path), rows, (_LOOP,) if loops else ())


class _FileProfile:
    """Goes through the operations of a file."""

    def __init__(self, model: Any, content: bytes) -> None:
        self._model = model
        self._layers = FileLayers(model, content)
        self._batch = batch_size_of(model)
        self._fixed = [self._find_fixed(graph) for graph in model.subgraphs]

    def rows(self) -> Iterator[LayerProfile]:
        alive = {
            id(operator): size
            for number in range(len(self._model.subgraphs))
            for operator, size in self._alive(number)
        }
        for layer in self._layers:
            yield self._row(layer, alive.get(id(layer.operator), 0))

    def _row(self, layer: FileLayer, alive: int) -> LayerProfile:
        own = [constant for constant, _ in layer.own]
        kernels = [constant for constant in own if constant.kernel]
        used = [constant for constant, _ in layer.used if constant.kernel]
        values = join(
            [
                distribution(one.values, left_out=one.size - one.values.size)
                for one in kernels
            ]
        )
        count = self._count(layer)
        zeros, size = sum(one.zeros for one in used), sum(one.size for one in used)
        given, flowing = self._flow(layer)
        return LayerProfile(
            name=layer.name,
            kind=layer.kind,
            parameters=sum(constant.size for constant in own),
            kernel_parameters=sum(constant.size for constant in kernels),
            zeros=sum(constant.zeros for constant in kernels),
            unique_values=values.unique_values,
            entropy_bits=values.entropy_bits,
            multiply_adds=count,
            effective_multiply_adds=count - (count * zeros // size if size else 0),
            activation_bytes=given,
            alive_bytes=alive,
            energy=estimate_energy(
                multiply_adds=count,
                dtype=self._arithmetic(layer),
                weight_bytes=sum(self._stored(tensor) for _, tensor in layer.own),
                activation_bytes=flowing,
            ),
        )

    def _count(self, layer: FileLayer) -> int:
        if layer.operator is None:
            return 0
        return count_operation_multiply_adds(self._model, layer.graph, layer.operator)

    def _flow(self, layer: FileLayer) -> tuple[int, int]:
        """Returns the bytes that an operation gives, and those it takes and gives."""
        if layer.operator is None:
            return 0, 0
        number = self._number_of(layer.graph)
        taken = self._moving(number, inputs_of(layer.operator))
        given = self._moving(number, outputs_of(layer.operator))
        size = {place: self._bytes(layer.graph, place) for place in {*taken, *given}}
        made = sum(size[place] for place in given)
        return made, made + sum(size[place] for place in taken)

    def _arithmetic(self, layer: FileLayer) -> str:
        """Returns the type in which an operation multiplies.

        A kernel of whole numbers beside float data is multiplied with data that is
        rounded to 8 bits in the run; one that is turned into float is float.
        """
        if layer.operator is None:
            return type_name(layer.output)
        fixed = self._fixed[self._number_of(layer.graph)]
        tensors = layer.graph.tensors
        taken = [place for place in inputs_of(layer.operator) if place >= 0]
        kernels = [
            type_name(tensors[place])
            for place in taken
            if place in fixed and len(_shape(tensors[place])) >= 2
        ]
        if kernels and "int" in kernels[0]:
            data = [type_name(tensors[place]) for place in taken if place not in fixed]
            return "int16" if "int16" in data else "int8"
        return kernels[0] if kernels else type_name(layer.output)

    def _alive(self, number: int) -> list[tuple[Any, int]]:
        """Returns the operations of a subgraph, and the bytes alive in each."""
        graph = self._model.subgraphs[number]
        operators = [
            operator
            for operator in graph.operators or []
            if not set(outputs_of(operator)) & self._fixed[number]
        ]
        steps = [
            (
                self._moving(number, inputs_of(operator)),
                self._moving(number, outputs_of(operator)),
            )
            for operator in operators
        ]
        sizes = {
            place: self._bytes(graph, place) for place in range(len(graph.tensors))
        }
        ends = [] if graph.outputs is None else list(map(int, graph.outputs))
        kept = [
            place for place in sizes if graph.tensors[place].isVariable
        ] + self._moving(number, ends)
        return [
            (operator, size + self._inside(operator))
            for operator, size in zip(
                operators, alive_bytes(steps, sizes, kept), strict=True
            )
        ]

    def _inside(self, operator: Any) -> int:
        """Returns the most bytes alive in a subgraph that an operation runs."""
        names = _CALLS.get(operation_name(self._model, operator), ())
        called = [getattr(operator.builtinOptions, name) for name in names]
        return max(
            (size for number in called for _, size in self._alive(number)), default=0
        )

    def _find_fixed(self, graph: Any) -> set[int]:
        """Returns the tensors whose numbers are in the file."""
        stored = {
            place
            for place, tensor in enumerate(graph.tensors)
            if is_constant(self._model, tensor)
        }
        return stored | set(self._layers.find_rewritten(graph))

    def _moving(self, number: int, places: list[int]) -> list[int]:
        fixed = self._fixed[number]
        return [place for place in places if place >= 0 and place not in fixed]

    def _number_of(self, graph: Any) -> int:
        return next(
            number for number, one in enumerate(self._model.subgraphs) if one is graph
        )

    def _bytes(self, graph: Any, place: int) -> int:
        """Returns the bytes of a tensor for one sample."""
        tensor = graph.tensors[place]
        bits = type_bits(type_name(tensor))
        return math.prod(_shape(tensor)) * bits // (8 * self._batch)

    def _stored(self, tensor: Any) -> int:
        buffer = self._model.buffers[tensor.buffer]
        return int(buffer.size) if buffer.data is None else len(buffer.data)


def _shape(tensor: Any) -> list[int]:
    return [] if tensor.shape is None else [max(int(size), 1) for size in tensor.shape]
