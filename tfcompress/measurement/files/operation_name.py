"""What operations of a `.tflite` file, and the types of its tensors, are called."""

from typing import Any

from ai_edge_litert.tools import flatbuffer_utils


def operation_name(model: Any, operator: Any) -> str:
    """Returns the TFLite name of an operator, or the name of a custom operation.

    Args:
        model: The file, a `ModelT` of LiteRT's schema.
        operator: One of its operators, an `OperatorT`.

    Example:
    ```python
    from ai_edge_litert.tools import flatbuffer_utils
    from tfcompress.measurement.files.operation_name import operation_name

    model = flatbuffer_utils.read_model("small.tflite")
    print([operation_name(model, one) for one in model.subgraphs[0].operators])
    ```
    """
    code = model.operatorCodes[operator.opcodeIndex]
    if code.customCode:
        return str(code.customCode.decode("utf-8", "replace"))
    return flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) or "UNKNOWN"


def type_name(tensor: Any) -> str:
    """Returns the name of the type of a tensor, a `TensorT`, such as `"int8"`."""
    return str(flatbuffer_utils.type_to_name(tensor.type)).lower()
