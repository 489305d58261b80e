"""How many multiplications an operation of a `.tflite` file does for one sample."""

import math
from collections.abc import Callable
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

Shape = tuple[int, ...]


def count_operation_multiply_adds(model: Any, subgraph: Any, operator: Any) -> int:
    """Counts pairs of one multiplication and one addition in an operation.

    Counted are products of tensors, as `summary` counts them in a Keras model:
    convolutions, fully connected layers, products of matrices, and the fused recurrent
    operations. An addition, an activation, pooling and looking up count nothing. Where
    padding adds zeros, the products with them count, and a transposed convolution
    counts all its products, those that are cropped too. Zeros in a kernel count like
    other numbers, also in sparse encoding.

    The numbers are those of one sample, whatever batch the file has, and sizes that are
    not fixed count as 1. How often the body of a loop runs is not in the file: its
    operations count once, which is one step of a recurrent layer.

    Args:
        model: The file, a `ModelT` of LiteRT's schema.
        subgraph: The subgraph with the operation, a `SubGraphT`.
        operator: The operation, an `OperatorT`.

    Returns:
        The number; 0 for an operation without products.

    Example:
    ```python
    from ai_edge_litert.tools import flatbuffer_utils
    from tfcompress.measurement import count_operation_multiply_adds

    model = flatbuffer_utils.read_model("small.tflite")
    subgraph = model.subgraphs[0]
    for operator in subgraph.operators:
        print(count_operation_multiply_adds(model, subgraph, operator))
    ```
    """
    kind = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
    rule = _RULES.get(kind or "")
    return 0 if rule is None else rule(subgraph, operator) // batch_size_of(model)


def batch_size_of(model: Any) -> int:
    """Returns the samples in one run of a file: the first axis that all inputs have.

    Args:
        model: The file, a `ModelT` of LiteRT's schema.
    """
    main = model.subgraphs[0]
    shapes = [_shape(main, index) for index in _places(main.inputs)]
    sizes = {shape[0] for shape in shapes if shape}
    return max(sizes.pop(), 1) if len(sizes) == 1 else 1


def _places(indices: Any) -> list[int]:
    return [] if indices is None else [int(index) for index in indices]


def _shape(subgraph: Any, index: int) -> Shape:
    sizes = subgraph.tensors[index].shape
    return () if sizes is None else tuple(max(int(size), 1) for size in sizes)


def _input(subgraph: Any, operator: Any, place: int) -> Shape:
    """Returns the shape of an operand, or () where the optional one is missing."""
    places = _places(operator.inputs)
    if place >= len(places) or places[place] < 0:
        return ()
    return _shape(subgraph, places[place])


def _output(subgraph: Any, operator: Any) -> Shape:
    return _shape(subgraph, int(operator.outputs[0]))


def _count_convolution(subgraph: Any, operator: Any) -> int:
    """Counts CONV_2D, with or without groups, of a kernel `(out, ..., in)`."""
    kernel = _input(subgraph, operator, 1)
    return math.prod(_output(subgraph, operator)) * math.prod(kernel[1:])


def _count_depthwise(subgraph: Any, operator: Any) -> int:
    """Counts DEPTHWISE_CONV_2D of a kernel `(1, height, width, out)`."""
    kernel = _input(subgraph, operator, 1)
    return math.prod(_output(subgraph, operator)) * math.prod(kernel[1:-1])


def _count_convolution_3d(subgraph: Any, operator: Any) -> int:
    """Counts CONV_3D of a kernel `(depth, height, width, in, out)`."""
    kernel = _input(subgraph, operator, 1)
    return math.prod(_output(subgraph, operator)) * math.prod(kernel[:-1])


def _count_transposed(subgraph: Any, operator: Any) -> int:
    """Counts transposed convolutions: the kernel once for each input position."""
    kernel, values = (_input(subgraph, operator, place) for place in (1, 2))
    return math.prod(values[:-1]) * math.prod(kernel)


def _count_fully_connected(subgraph: Any, operator: Any) -> int:
    """Counts FULLY_CONNECTED of a kernel `(units, in)`."""
    values, kernel = (_input(subgraph, operator, place) for place in (0, 1))
    return math.prod(values) * kernel[0]


def _count_product(subgraph: Any, operator: Any) -> int:
    left = _input(subgraph, operator, 0)
    summed = left[-2 if operator.builtinOptions.adjX else -1]
    return math.prod(_output(subgraph, operator)) * summed


def _count_recurrent(*kernels: int) -> Callable[[Any, Any], int]:
    """Returns a rule that counts all kernels at each step of time."""

    def count(subgraph: Any, operator: Any) -> int:
        *steps, _ = _input(subgraph, operator, 0)
        shapes = [_input(subgraph, operator, place) for place in kernels]
        sizes = [math.prod(shape) for shape in shapes if len(shape) == 2]
        return math.prod(steps) * sum(sizes)

    return count


def _count_lstm_step(subgraph: Any, operator: Any) -> int:
    """Counts LSTM, whose small form has all its kernels in one."""
    options = operator.builtinOptions
    basic = options is not None and options.kernelType == schema.LSTMKernelType.BASIC
    places = (2,) if basic else (*range(1, 9), 16)
    return _count_recurrent(*places)(subgraph, operator)


# Places of operands: https://www.tensorflow.org/mlir/tfl_ops
_RULES: dict[str, Callable[[Any, Any], int]] = {
    "CONV_2D": _count_convolution,
    "DEPTHWISE_CONV_2D": _count_depthwise,
    "CONV_3D": _count_convolution_3d,
    "TRANSPOSE_CONV": _count_transposed,
    "CONV_3D_TRANSPOSE": _count_transposed,
    "FULLY_CONNECTED": _count_fully_connected,
    "BATCH_MATMUL": _count_product,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _count_recurrent(*range(1, 9), 16),
    "BIDIRECTIONAL_SEQUENCE_LSTM": _count_recurrent(
        *range(1, 9), 16, *range(18, 26), 33, *range(40, 48)
    ),
    "LSTM": _count_lstm_step,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _count_recurrent(1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": _count_recurrent(1, 2, 5, 6, 10, 11),
    "RNN": _count_recurrent(1, 2),
    "SVDF": _count_recurrent(1, 2),
}
