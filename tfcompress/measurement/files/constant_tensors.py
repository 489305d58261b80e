"""The tensors of a `.tflite` file whose numbers it holds, and which are kernels."""

from collections.abc import Collection
from typing import Any

from tfcompress.measurement.files.operation_name import operation_name

# Operands that hold weights; None stands for all but the first, which is the data.
KERNEL_OPERANDS: dict[str, tuple[int, ...] | None] = {
    "BATCH_MATMUL": (0, 1),
    "BIDIRECTIONAL_SEQUENCE_LSTM": None,
    "BIDIRECTIONAL_SEQUENCE_RNN": None,
    "CONV_2D": (1,),
    "CONV_3D": (1,),
    "CONV_3D_TRANSPOSE": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "EMBEDDING_LOOKUP": (1,),
    "FULLY_CONNECTED": (1,),
    "GATHER": (0,),
    "LSTM": None,
    "RNN": None,
    "SVDF": None,
    "TRANSPOSE_CONV": (1,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": None,
    "UNIDIRECTIONAL_SEQUENCE_RNN": None,
}

# Operations that unpack a constant when the file is loaded.
UNPACKING = frozenset(("DENSIFY", "DEQUANTIZE"))

# Operations that only change how a constant is written.
REWRITES = UNPACKING | {"CAST", "QUANTIZE", "RESHAPE", "TRANSPOSE"}


def is_constant(model: Any, tensor: Any) -> bool:
    """Returns whether a file holds the numbers of a tensor.

    Args:
        model: The file, a `ModelT` of LiteRT's schema.
        tensor: One of its tensors. In files beyond 2 GB its numbers stand behind the
            tables, where its buffer says.
    """
    buffer = model.buffers[tensor.buffer]
    held = buffer.data is not None and len(buffer.data) > 0
    return held or buffer.offset > 1


def find_unpacked(
    model: Any, graph: Any, *, kinds: Collection[str] = UNPACKING
) -> dict[int, int]:
    """Returns, for tensors that are made of a constant alone, that constant.

    Args:
        model: The file, a `ModelT` of LiteRT's schema.
        graph: One of its subgraphs.
        kinds: The operations that make them, one behind the other. Defaults to those
            that unpack a constant: `DENSIFY` and `DEQUANTIZE`.

    Example:
    ```python
    from ai_edge_litert.tools import flatbuffer_utils
    from tfcompress.measurement.files.constant_tensors import find_unpacked

    model = flatbuffer_utils.read_model("small.tflite")
    print(find_unpacked(model, model.subgraphs[0]))
    ```
    """
    sources: dict[int, int] = {}
    for operator in graph.operators or []:
        if operation_name(model, operator) in kinds:
            index = int(operator.inputs[0])
            source = sources.get(index, index)
            if is_constant(model, graph.tensors[source]):
                sources[int(operator.outputs[0])] = source
    return sources
