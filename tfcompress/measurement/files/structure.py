"""Whether the parts of a `.tflite` file fit together."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ModelError, TFCompressError
from tfcompress.measurement.files.operation_name import operation_name
from tfcompress.measurement.files.sparse_structure import check_sparsity

_ABSENT = -1  # the index of an operand that is left out

# The place of the bias of operations that may go without one.
_BIASES = {
    "CONV_2D": 2,
    "CONV_3D": 2,
    "CONV_3D_TRANSPOSE": 3,
    "DEPTHWISE_CONV_2D": 2,
    "FULLY_CONNECTED": 2,
    "SVDF": 3,
    "TRANSPOSE_CONV": 3,
}
# XNNPACK writes what it unpacks of a constant where it expects the shape of the result.
_UNPACKING = ("DENSIFY", "DEQUANTIZE")
# What reading a damaged file may end in.
_DAMAGE = (
    *(AttributeError, IndexError, KeyError, OverflowError),
    *(RecursionError, TypeError, ValueError),
)

_BUILT_IN = frozenset(vars(schema.BuiltinOperator)) - {"CUSTOM", "DELEGATE"}


def parse_tflite(content: bytes, path: Any) -> Any:
    """Reads the tables of a `.tflite` file, and checks what refers to what.

    LiteRT reads beyond its memory where a graph or a signature names a tensor that
    is not there, so this comes before it runs a file from elsewhere.

    Args:
        content: The bytes of the file, as `read_tflite` returns them.
        path: What the file is called in the error.

    Returns:
        The file, a `ModelT` of LiteRT's schema.

    Raises:
        ModelError: If a table, a tensor, a buffer, an operation or a graph is named
            that is not there, or if a size is negative.

    Example:
    ```python
    from tfcompress.measurement.files.file import read_tflite

    content = read_tflite("small.tflite")
    print(len(parse_tflite(content, "small.tflite").subgraphs))
    ```
    """
    try:
        model = schema.ModelT.InitFromPackedBuf(content)
        _check(model)
    except ModelError:
        raise
    except Exception as error:  # whatever reading at a wrong place ends in
        raise damaged(path, error) from error
    return model


@contextlib.contextmanager
def reading(path: Any) -> Iterator[None]:
    """Turns whatever reading a damaged file ends in into an error that says so.

    Args:
        path: What the file is called in the error.

    Raises:
        ModelError: In the place of what reading at a wrong place ends in.

    Example:
    ```python
    from tfcompress.measurement.files.file import read_tflite
    from tfcompress.measurement.files.structure import parse_tflite, reading

    model = parse_tflite(read_tflite("small.tflite"), "small.tflite")
    with reading("small.tflite"):
        print([tensor.name.decode() for tensor in model.subgraphs[0].tensors])
    ```
    """
    try:
        yield
    except TFCompressError:
        raise
    except _DAMAGE as error:
        raise damaged(path, error) from error


def damaged(path: Any, error: Exception) -> ModelError:
    """Returns the error for a file whose parts do not fit together.

    Args:
        path: What the file is called.
        error: What was found.
    """
    return ModelError(
        "The file is damaged: its parts do not fit together; write it again. "
        f"Received: path={str(path)!r} ({error})"
    )


def _check(model: Any) -> None:
    if not model.subgraphs:
        raise ValueError("no graph")
    for graph in model.subgraphs:
        _check_graph(model, graph)
    for signature in _all(model.signatureDefs):
        _check_range([signature.subgraphIndex], model.subgraphs, "graph")
        tensors = _all(model.subgraphs[signature.subgraphIndex].tensors)
        for entry in [*_all(signature.inputs), *_all(signature.outputs)]:
            _check_range([entry.tensorIndex], tensors, "tensor of a signature")
            if entry.name is None:
                raise ValueError("a tensor of a signature has no name")


def _check_graph(model: Any, graph: Any) -> None:
    tensors = _all(graph.tensors)
    for tensor in tensors:
        _check_range([tensor.buffer], _all(model.buffers), "buffer")
        if any(size < 0 for size in _all(tensor.shape)):
            raise ValueError(f"size {min(tensor.shape)} of an axis")
        if tensor.sparsity is not None:
            check_sparsity(tensor)
    _check_range(_all(graph.inputs), tensors, "input")
    _check_range(_all(graph.outputs), tensors, "output")
    for operator in _all(graph.operators):
        _check_range([operator.opcodeIndex], _all(model.operatorCodes), "operation")
        name = operation_name(model, operator)
        operands = [
            index
            for place, index in enumerate(_all(operator.inputs))
            if index != _ABSENT or not _may_be_absent(name, place)
        ]
        _check_range(operands, tensors, f"operand of {name}")
        _check_range(_all(operator.outputs), tensors, f"result of {name}")
        if name in _UNPACKING and len(operands) and len(_all(operator.outputs)):
            given, gotten = tensors[operands[0]], tensors[operator.outputs[0]]
            stored = _all(model.buffers[given.buffer].data)
            if len(stored) and list(_all(given.shape)) != list(_all(gotten.shape)):
                raise ValueError(f"{name} to another shape")


def _may_be_absent(name: str, place: int) -> bool:
    if name in _BIASES:
        return place == _BIASES[name]
    return place > 0 and (name.endswith(("LSTM", "RNN")) or name not in _BUILT_IN)


def _all(things: Any) -> Sequence[Any]:
    return [] if things is None else things


def _check_range(indices: Iterable[int], things: Sequence[Any], name: str) -> None:
    for index in indices:
        if not 0 <= index < len(things):
            raise ValueError(f"{name} number {index} of {len(things)}")
