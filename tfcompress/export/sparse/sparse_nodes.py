"""The operations of a file, as XNNPACK's sparse kernels see them."""

import dataclasses
import enum
import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.files.operation_name import operation_name

_FLOATS: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype(np.float32),
    schema.TensorType.FLOAT16: np.dtype(np.float16),
}
# Operations on constants alone, done once when the file is loaded.
_ON_CONSTANTS = {"DENSIFY", "DEQUANTIZE"}
_ELEMENTWISE = {
    "ABS",
    "CEIL",
    "ELU",
    "EXP",
    "FLOOR",
    "GELU",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOG",
    "LOGISTIC",
    "NEG",
    "RELU",
    "RELU6",
    "RELU_0_TO_1",
    "RELU_N1_TO_1",
    "ROUND",
    "RSQRT",
    "SQRT",
    "SQUARE",
    "TANH",
}


class Layout(enum.Flag):
    """What an operation can do with data whose channels come first."""

    NONE = 0
    INSIDE = enum.auto()
    ENTRY = enum.auto()
    EXIT = enum.auto()


@dataclasses.dataclass(frozen=True)
class SparseNode:
    """One operation, after padding was put into the convolution that takes it.

    Attributes:
        kind: The TFLite name, such as `"CONV_2D"`.
        names: Names of its output and then of its inputs.
        inputs: Tensors that it takes, without constants.
        outputs: Tensors that it gives.
        layout: Whether channels may come first before and after it.
        problem: What stands against it, where `layout` is `NONE`.
        paddable: Whether padding alone stands against it, or a kernel that would fit
            into a larger one.
        kernel: Height and width of the kernel; (1, 1) for what has none.
        weights: Weights that sparse kernels would work on.
        zeros: How many of them are zero.
    """

    kind: str
    names: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layout: Layout = Layout.NONE
    problem: str = ""
    paddable: bool = False
    kernel: tuple[int, int] = (1, 1)
    weights: int = 0
    zeros: int = 0


def read_nodes(content: bytes) -> tuple[list[SparseNode], tuple[int, ...]]:
    """Reads the operations of a `.tflite` file.

    Args:
        content: The bytes of the file.

    Returns:
        The operations of the main subgraph in the order in which they run, without
        those on constants alone, and the tensors that the file returns.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    return _Reader(model).read(), tuple(map(int, model.subgraphs[0].outputs))


class _Reader:
    """Reads one file."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.tensors = model.subgraphs[0].tensors
        self.operators = list(model.subgraphs[0].operators or [])
        self.sources: dict[int, int] = {}
        self.uses: dict[int, int] = {}
        self.paddings: dict[int, tuple[int, list[list[int]]]] = {}

    def read(self) -> list[SparseNode]:
        """Reads the operations."""
        for operator in self.operators:
            for index in operator.inputs:
                self.uses[index] = self.uses.get(index, 0) + 1
        for index in self.model.subgraphs[0].outputs:
            self.uses[index] = self.uses.get(index, 0) + 1
        nodes = []
        for operator in self.operators:
            kind = operation_name(self.model, operator)
            if kind in _ON_CONSTANTS and self._constant(operator.inputs[0]) is not None:
                self.sources[int(operator.outputs[0])] = int(operator.inputs[0])
                continue
            if kind == "PAD" and self._can_be_fused(operator):
                widths = self._values(operator.inputs[1]).reshape(-1, 2).tolist()
                self.paddings[int(operator.outputs[0])] = (
                    int(operator.inputs[0]),
                    widths,
                )
                continue
            nodes.append(self._node(kind, operator))
        return nodes

    def _node(self, kind: str, operator: Any) -> SparseNode:
        names = [*operator.outputs, *(index for index in operator.inputs if index >= 0)]
        node = SparseNode(
            kind,
            tuple(self.tensors[index].name.decode() for index in names),
            tuple(
                self.paddings[int(index)][0]
                if int(index) in self.paddings
                else int(index)
                for index in operator.inputs
                if index >= 0 and self._constant(index) is None
            ),
            tuple(map(int, operator.outputs)),
        )
        floats = [index for index in names if index not in self._shapes(operator)]
        if any(self.tensors[index].type not in _FLOATS for index in floats):
            return dataclasses.replace(
                node, problem="it works on numbers that are not float"
            )
        if kind == "CONV_2D":
            return self._convolution(node, operator)
        if kind == "DEPTHWISE_CONV_2D":
            return self._depthwise(node, operator)
        return self._other(node, operator)

    def _convolution(self, node: SparseNode, operator: Any) -> SparseNode:
        options, (_, *kernel, inputs) = (
            operator.builtinOptions,
            self._shape(operator.inputs[1]),
        )
        strides = (options.strideH, options.strideW)
        padding = self._padding(operator, kernel)
        dilated = (options.dilationHFactor, options.dilationWFactor) != (1, 1)
        grouped = self._shape(operator.inputs[0])[-1] != inputs
        node = dataclasses.replace(node, kernel=(kernel[0], kernel[1]))
        problem = ""
        if kernel == [1, 1]:
            if grouped:
                problem = "it is grouped"
            elif strides != (1, 1):
                problem = f"its strides are {strides}, not (1, 1)"
            elif padding != [[0, 0], [0, 0]]:
                problem = f"its input is padded by {padding}"
            else:
                size, zeros = self._count(operator.inputs[1])
                return dataclasses.replace(
                    node, layout=Layout.INSIDE, weights=size, zeros=zeros
                )
        elif max(kernel) > 3:
            problem = f"its kernel is {tuple(kernel)}, not (3, 3)"
        elif dilated:
            problem = "it is dilated"
        elif grouped or inputs != 3:
            problem = f"it takes {inputs} channels, not 3"
        elif strides != (2, 2):
            problem = f"its strides are {strides}, not (2, 2)"
        elif kernel != [3, 3]:
            problem = f"its kernel is {tuple(kernel)}, not (3, 3)"
            node = dataclasses.replace(node, paddable=True)
        elif padding != [[1, 1], [1, 1]]:
            problem, paddable = self._uneven(operator, padding, 1)
            node = dataclasses.replace(node, paddable=paddable)
        else:
            return dataclasses.replace(node, layout=Layout.ENTRY)
        return dataclasses.replace(node, problem=problem)

    def _depthwise(self, node: SparseNode, operator: Any) -> SparseNode:
        options, (_, *kernel, outputs) = (
            operator.builtinOptions,
            self._shape(operator.inputs[1]),
        )
        strides = (options.strideH, options.strideW)
        padding = self._padding(operator, kernel)
        node = dataclasses.replace(node, kernel=(kernel[0], kernel[1]))
        half = kernel[0] // 2
        problem = ""
        if (options.dilationHFactor, options.dilationWFactor) != (1, 1):
            problem = "it is dilated"
        elif outputs != self._shape(operator.inputs[0])[-1]:
            problem = "its depth multiplier is not 1"
        elif strides not in ((1, 1), (2, 2)):
            problem = f"its strides are {strides}, not (1, 1) or (2, 2)"
        elif kernel not in ([3, 3], [5, 5]):
            problem = f"its kernel is {tuple(kernel)}, not (3, 3) or (5, 5)"
            node = dataclasses.replace(node, paddable=max(kernel) < 5)
        elif padding != [[half, half], [half, half]]:
            problem, paddable = self._uneven(operator, padding, half)
            node = dataclasses.replace(node, paddable=paddable)
        else:
            return dataclasses.replace(node, layout=Layout.INSIDE)
        return dataclasses.replace(node, problem=problem)

    def _other(self, node: SparseNode, operator: Any) -> SparseNode:
        flat = len(self._shape(operator.inputs[0])) != 4
        layout = Layout.NONE
        if node.kind == "DEPTH_TO_SPACE":
            layout = Layout.EXIT
        elif flat:
            pass
        elif node.kind == "FULLY_CONNECTED":
            # The layout of a single position is the same either way.
            single = self._shape(operator.inputs[0])[1:3] == [1, 1]
            flattens = single and not operator.builtinOptions.keepNumDims
            size, zeros = self._count(operator.inputs[1])
            return dataclasses.replace(
                node,
                layout=Layout.INSIDE | Layout.EXIT if flattens else Layout.INSIDE,
                weights=size,
                zeros=zeros,
            )
        elif node.kind in ("MEAN", "SUM"):
            axes = {int(axis) % 4 for axis in self._values(operator.inputs[1]).flat}
            if axes == {1, 2}:
                layout = Layout.INSIDE | Layout.EXIT
        elif node.kind in ("ADD", "MUL"):
            if self._is_plain_join(operator):
                layout = Layout.INSIDE
        elif node.kind == "RESIZE_BILINEAR":
            if min(self._shape(operator.inputs[0])[1:3]) > 1:
                layout = Layout.INSIDE
        elif node.kind in _ELEMENTWISE:
            layout = Layout.INSIDE
        problem = "" if layout else f"it needs {node.kind}, which has no such kernel"
        return dataclasses.replace(node, layout=layout, problem=problem)

    def _is_plain_join(self, operator: Any) -> bool:
        """Returns whether both sides have four axes, and a constant one axis or less.

        XNNPACK looks at the first operand, whichever of the two is constant.
        """
        first, second = (self._shape(index) for index in operator.inputs)
        if len(first) != 4 or len(second) != 4:
            return False
        constants = [self._constant(index) is not None for index in operator.inputs]
        return not any(constants) or sum(size != 1 for size in first) <= 1

    def _padding(self, operator: Any, kernel: list[int]) -> list[list[int]] | None:
        """Returns the rows and columns of padding, or None for uneven `same`."""
        options = operator.builtinOptions
        fused = self.paddings.get(int(operator.inputs[0]))
        outer = fused[1][1:3] if fused else [[0, 0], [0, 0]]
        if options.padding == schema.Padding.VALID:
            return outer
        if (options.strideH, options.strideW) != (1, 1):
            return None
        sides = [[(size - 1) // 2, size - 1 - (size - 1) // 2] for size in kernel]
        return [[a + c, b + d] for (a, b), (c, d) in zip(outer, sides, strict=True)]

    def _uneven(
        self, operator: Any, padding: list[list[int]] | None, needed: int
    ) -> tuple[str, bool]:
        """Says what is wrong with a padding, and whether another may be put there."""
        if padding is not None:
            return f"its padding is {padding}, not {needed} on every side", True
        tensor = self.tensors[operator.inputs[0]]
        _, height, width, _ = map(int, tensor.shape)
        if tensor.shapeSignature is not None and -1 in tensor.shapeSignature[1:3]:
            problem = "its input has no fixed size, so its padding is not known"
            return problem, False
        if height % 2 and width % 2:
            problem = (
                f"its input of {height}x{width} has an odd size, for which the "
                "converter writes even padding as 'same' too: change the input size"
            )
            return problem, False
        return "its padding is 'same', which at stride 2 is not even", True

    def _can_be_fused(self, operator: Any) -> bool:
        """Returns whether a padding goes into the one convolution that takes it."""
        output = int(operator.outputs[0])
        if self.uses[output] != 1 or self._constant(operator.inputs[1]) is None:
            return False
        widths = self._values(operator.inputs[1]).reshape(-1, 2).tolist()
        if len(widths) != 4 or any(widths[0]) or any(widths[3]):
            return False
        for taker in self.operators:
            kind = operation_name(self.model, taker)
            if output == taker.inputs[0] and kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
                options = taker.builtinOptions
                strides = (options.strideH, options.strideW)
                return options.padding == schema.Padding.VALID or strides == (1, 1)
        return False

    def _shapes(self, operator: Any) -> set[int]:
        """Returns the inputs that say how, and are not data: axes, sizes."""
        return {
            int(index)
            for index in operator.inputs
            if index >= 0
            and self.tensors[index].type
            in (schema.TensorType.INT32, schema.TensorType.INT64)
            and self._constant(index) is not None
        }

    def _constant(self, index: int) -> Any:
        """Returns the tensor that holds a constant's numbers, or None."""
        tensor = self.tensors[self.sources.get(int(index), int(index))]
        data = self.model.buffers[tensor.buffer].data
        return tensor if data is not None and len(data) else None

    def _values(self, index: int) -> np.ndarray:
        tensor = self._constant(index)
        wide = tensor.type == schema.TensorType.INT64
        data = np.asarray(self.model.buffers[tensor.buffer].data, np.uint8)
        return data.view(np.int64 if wide else np.int32)

    def _shape(self, index: int) -> list[int]:
        shape = self.tensors[index].shape
        return [] if shape is None else [int(size) for size in shape]

    def _count(self, index: int) -> tuple[int, int]:
        """Counts the weights of a kernel, and the zeros, in either encoding."""
        size = math.prod(self._shape(index))
        tensor = self._constant(index)
        if tensor is None or tensor.type not in _FLOATS:
            return size, 0
        data = np.asarray(self.model.buffers[tensor.buffer].data, np.uint8)
        return size, size - int(np.count_nonzero(data.view(_FLOATS[tensor.type])))
