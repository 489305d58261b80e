"""The operations of a `.tflite` file, each with the weights that it takes."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfcompress.measurement.cost.constants import Constant, collect_constants
from tfcompress.measurement.files.constant_tensors import REWRITES, find_unpacked
from tfcompress.measurement.files.operation_name import operation_name

_UNNAMED = "(not used by an operation)"


@dataclasses.dataclass(frozen=True)
class FileLayer:
    """One operation of a file.

    Attributes:
        name: Name of the layer that it comes from, as far as tensors tell it.
        kind: TFLite name, such as `"CONV_2D"`.
        graph: The subgraph with the operation, a `SubGraphT` of LiteRT's schema.
        operator: The operation, an `OperatorT`. None where a constant is used by none.
        output: Its first output, a `TensorT`; the constant that is used by none.
        used: The weights that it takes, straight or through `DEQUANTIZE` and the like,
            and the tensors that store them.
        own: Those of them that no operation before it takes.
    """

    name: str
    kind: str
    graph: Any
    operator: Any
    output: Any
    used: tuple[tuple[Constant, Any], ...]
    own: tuple[tuple[Constant, Any], ...]


class FileLayers:
    """Lists the operations of a file, in the order in which they run.

    What only changes how a constant is written is no operation of its own.

    Args:
        model: The file, as `parse_tflite` returned it.
        content: The bytes that it was read from.

    Example:
    ```python
    from tfcompress.measurement.files.file import read_tflite
    from tfcompress.measurement.files.file_layers import FileLayers
    from tfcompress.measurement.files.structure import parse_tflite

    content = read_tflite("small.tflite")
    for layer in FileLayers(parse_tflite(content, "small.tflite"), content):
        print(layer.name, layer.kind)
    ```
    """

    def __init__(self, model: Any, content: bytes) -> None:
        self._model = model
        self._content = content

    def __iter__(self) -> Iterator[FileLayer]:
        constants = collect_constants(self._model, self._content)
        free = dict(constants)
        for graph in self._model.subgraphs:
            rewritten = self.find_rewritten(graph)
            for operator in graph.operators or []:
                if not outputs_of(operator) or outputs_of(operator)[0] in rewritten:
                    continue
                places = [rewritten.get(one, one) for one in inputs_of(operator)]
                named = [graph.tensors[place] for place in places if place >= 0]
                used = [
                    (constants[tensor.buffer], tensor)
                    for tensor in named
                    if tensor.buffer in constants
                ]
                own = [
                    (free.pop(tensor.buffer), tensor)
                    for _, tensor in used
                    if tensor.buffer in free
                ]
                output = graph.tensors[outputs_of(operator)[0]]
                yield FileLayer(
                    name=layer_name([tensor for _, tensor in own], output),
                    kind=operation_name(self._model, operator),
                    graph=graph,
                    operator=operator,
                    output=output,
                    used=tuple(used),
                    own=tuple(own),
                )
        for graph in self._model.subgraphs:
            for tensor in graph.tensors:
                if tensor.buffer in free:
                    pair = (free.pop(tensor.buffer), tensor)
                    yield FileLayer(
                        name=pair[0].name,
                        kind=_UNNAMED,
                        graph=graph,
                        operator=None,
                        output=tensor,
                        used=(pair,),
                        own=(pair,),
                    )

    def find_rewritten(self, graph: Any) -> dict[int, int]:
        """Returns, for tensors that are made of a constant alone, that constant.

        Args:
            graph: One of the file's subgraphs.
        """
        return find_unpacked(self._model, graph, kinds=REWRITES)


def inputs_of(operator: Any) -> list[int]:
    """Returns the tensors that an operator takes, -1 for one that is left out."""
    return [
        int(index) for index in ([] if operator.inputs is None else operator.inputs)
    ]


def outputs_of(operator: Any) -> list[int]:
    """Returns the tensors that an operator gives."""
    places = [] if operator.outputs is None else operator.outputs
    return [int(index) for index in places if index >= 0]


def layer_name(weights: list[Any], output: Any) -> str:
    """Returns the path in the name of a tensor, without the model and the last part.

    The kernel's tensor names the layer best; what the converter made up names none.

    Args:
        weights: The weights that an operation takes, each a `TensorT`.
        output: Its first output.
    """
    for tensor in [*weights, output]:
        for path in text_of(tensor.name).split(";"):
            parts = path.split("/")
            if len(parts) >= 3:
                return "/".join(parts[1:-1])
    return text_of(output.name)


def text_of(name: Any) -> str:
    """Returns a name in a file as text."""
    return "" if name is None else str(name.decode("utf-8", "replace"))
