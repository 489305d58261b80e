"""The steps in which the outputs of a `.tflite` file were rounded."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfcompress.measurement.files.file_graph import DEFAULT_SIGNATURE
from tfcompress.measurement.files.operation_name import operation_name


def read_output_steps(content: bytes, key: str | None = None) -> dict[str, float]:
    """Reads the size of one step of each quantized output.

    An output that is turned into float by the last operation has the steps of what
    that operation takes.

    Args:
        content: The bytes of a `.tflite` file.
        key: The name of a signature, where the file holds several.

    Returns:
        Real sizes of one step, by the name of the output. Outputs that are computed in
        float are left out.
    """
    file = schema.ModelT.InitFromPackedBuf(content, 0)
    definition = find_signature(file, key)
    if definition is None:
        subgraph = file.subgraphs[0]
        outputs = {subgraph.tensors[i].name.decode(): int(i) for i in subgraph.outputs}
    else:
        subgraph = file.subgraphs[definition.subgraphIndex]
        outputs = {i.name.decode(): int(i.tensorIndex) for i in definition.outputs}
    doors = {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator in subgraph.operators or []
        if operation_name(file, operator) == "DEQUANTIZE"
    }
    found = {}
    for name, index in outputs.items():
        quantization = subgraph.tensors[doors.get(index, index)].quantization
        if quantization is None or quantization.scale is None:
            continue
        if len(quantization.scale) == 1:
            found[name] = float(quantization.scale[0])
    return found


def find_signature(file: Any, key: str | None = None) -> Any:
    """Finds a signature of a file.

    Args:
        file: The file, a `ModelT`.
        key: Its name. None takes that of the name `"serving_default"`, or the first.

    Returns:
        The signature, a `SignatureDefT`, or None in a file without any.
    """
    found = {each.signatureKey.decode(): each for each in file.signatureDefs or []}
    first = next(iter(found.values()), None)
    return found.get(DEFAULT_SIGNATURE if key is None else key, first)
