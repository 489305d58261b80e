"""Faults in files that were right: what a bug of a converter would leave."""

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.measurement.files.operation_name import operation_name

_TYPES = {0: np.float32, 1: np.float16, 9: np.int8}


def count_kernels(content):
    """Returns how many convolutions and Dense layers a file has."""
    return len(_operators(read(content)))


def damage_kernel(content, number, change):
    """Changes the kernel of the convolution or Dense layer of this number.

    `change` is given the kernel with the output channels in front.
    """
    file = read(content)
    tensor = _kernel(file, _operators(file)[number])
    buffer = file.buffers[tensor.buffer]
    values = np.array(buffer.data).view(_TYPES[tensor.type]).reshape(tensor.shape)
    changed = np.ascontiguousarray(change(values.copy())).astype(values.dtype)
    buffer.data = np.frombuffer(changed.tobytes(), np.uint8)
    return write(file)


def damage_scales(content, number, factor):
    """Changes what the kernel of a convolution or Dense layer takes for one step."""
    file = read(content)
    tensor = file.subgraphs[0].tensors[_operators(file)[number].inputs[1]]
    scales = [factor * float(scale) for scale in tensor.quantization.scale]
    tensor.quantization.scale = scales
    return write(file)


def mirrored(kernel):
    """Output channels the other way round, and their signs."""
    return -kernel[::-1]


def read(content):
    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def write(file):
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _kernel(file, operator):
    """Returns the constant that is a kernel, or that it is unpacked from."""
    (graph,) = file.subgraphs
    index = operator.inputs[1]
    makers = [other for other in graph.operators if index in other.outputs]
    return graph.tensors[makers[0].inputs[0] if makers else index]


def _operators(file):
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    return [
        operator
        for operator in file.subgraphs[0].operators
        if operation_name(file, operator) in kinds
    ]
