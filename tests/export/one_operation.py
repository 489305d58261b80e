"""Files of one operation, made by hand."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FLOAT32 = schema.TensorType.FLOAT32
INT8 = schema.TensorType.INT8


def tensor(shape, kind=FLOAT32, *, constant=False, scales=0, open_axes=()):
    return {
        "shape": shape,
        "type": kind,
        "constant": constant,
        "scales": scales,
        "open_axes": open_axes,
    }


def file_of(kind, inputs, outputs, *, version=1, options=None):
    """Writes a file of one operation whose layer is called `layer`."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    graph.tensors, graph.inputs, graph.outputs = [], [], []
    for number, item in enumerate([*inputs, *outputs]):
        part, buffer = schema.TensorT(), schema.BufferT()
        part.name = f"model/layer/part{number}".encode()
        part.shape, part.type = list(item["shape"]), item["type"]
        if item["open_axes"]:
            axes = enumerate(item["shape"])
            signature = [-1 if n in item["open_axes"] else size for n, size in axes]
            part.shapeSignature = signature
        if item["scales"]:
            part.quantization = schema.QuantizationParametersT()
            part.quantization.scale = [0.5] * item["scales"]
            part.quantization.zeroPoint = [0] * item["scales"]
        if item["constant"]:
            buffer.data = np.ones(4 * int(np.prod(item["shape"], dtype=int)), np.uint8)
        part.buffer = len(model.buffers)
        model.buffers.append(buffer)
        graph.tensors.append(part)
        if not item["constant"]:
            side = graph.inputs if number < len(inputs) else graph.outputs
            side.append(number)
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = list(range(len(inputs)))
    operator.outputs = list(range(len(inputs), len(inputs) + len(outputs)))
    if options is not None:
        operator.builtinOptions = options
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
    graph.operators = [operator]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def options_of(kind, **values):
    options = getattr(schema, kind)()
    for name, value in values.items():
        setattr(options, name, value)
    return options
