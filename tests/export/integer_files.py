"""Small full-integer files, written tensor by tensor, and how they run."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils

INPUT_SCALE, OUTPUT_SCALE = 0.5, 0.25
TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


class FileWriter:
    """Puts tensors and operations into the one subgraph of a file."""

    def __init__(self):
        self.file = schema.ModelT()
        self.file.version = 3
        self.file.buffers = [schema.BufferT()]
        self.file.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.file.subgraphs = [self.graph]

    def tensor(self, name, shape, dtype=np.int8, *, scale=None, values=None):
        tensor = schema.TensorT()
        tensor.name, tensor.type = name.encode(), TYPES[np.dtype(dtype)]
        tensor.shape = np.array(shape, np.int32)
        if values is not None:
            self.file.buffers.append(schema.BufferT())
            tensor.buffer = len(self.file.buffers) - 1
            data = np.ascontiguousarray(values, dtype).view(np.uint8).ravel()
            self.file.buffers[-1].data = data
        if scale is not None:
            scale = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scale
            tensor.quantization.zeroPoint = np.zeros(len(scale), np.int64)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, kind, inputs, outputs, options, version):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(
            schema.BuiltinOperator, kind
        )
        code.version = version
        self.file.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.file.operatorCodes) - 1
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array(outputs, np.int32)
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = options
        self.graph.operators.append(operator)

    def content(self, inputs, outputs):
        self.graph.inputs = np.array(inputs, np.int32)
        self.graph.outputs = np.array(outputs, np.int32)
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.file))


def write_dense(kernels, scales, biases, uses=None):
    """Writes Dense layers in a row.

    Args:
        kernels: int8 arrays of shape `(outputs, inputs)`.
        scales: The scales of each.
        biases: int32 arrays, each in units of input scale times kernel scale.
        uses: Which kernel and bias each layer has; by default each its own.
    """
    writer = FileWriter()
    made = []
    for number, (kernel, scale, bias) in enumerate(
        zip(kernels, scales, biases, strict=True)
    ):
        unit = np.atleast_1d(scale) * INPUT_SCALE
        made.append(
            (
                writer.tensor(
                    f"kernel{number}", kernel.shape, scale=scale, values=kernel
                ),
                writer.tensor(
                    f"bias{number}", bias.shape, np.int32, scale=unit, values=bias
                ),
            )
        )
    inputs = data = writer.tensor("x", (1, kernels[0].shape[1]), scale=INPUT_SCALE)
    for number, use in enumerate(range(len(kernels)) if uses is None else uses):
        kernel, bias = made[use]
        width = kernels[use].shape[0]
        output = writer.tensor(f"y{number}", (1, width), scale=INPUT_SCALE)
        options = schema.FullyConnectedOptionsT()
        operands = [data, kernel, bias]
        writer.operator("FULLY_CONNECTED", operands, [output], options, 4)
        data = output
    return writer.content([inputs], [data])


def tensors_of(content):
    """Returns the tensors of the first subgraph by name."""
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    return {tensor.name.decode(): tensor for tensor in file.subgraphs[0].tensors}


def numbers_of(content, name):
    """Returns the bytes of a constant, as uint8."""
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    return np.asarray(file.buffers[tensors_of(content)[name].buffer].data, np.uint8)


def versions_of(content):
    """Returns the version of each operation of the first subgraph."""
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    operators = file.subgraphs[0].operators
    return [file.operatorCodes[operator.opcodeIndex].version for operator in operators]


def run(content, samples, *, delegates=True):
    """Runs a file on samples that are in its own numbers."""
    chosen = {} if delegates else {"experimental_op_resolver_type": PLAIN}
    interpreter = Interpreter(model_content=content, **chosen)
    interpreter.allocate_tensors()
    (given,), (taken,) = (
        interpreter.get_input_details(),
        interpreter.get_output_details(),
    )
    outputs = []
    for sample in samples:
        interpreter.set_tensor(given["index"], sample[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(taken["index"])[0])
    return np.array(outputs)
