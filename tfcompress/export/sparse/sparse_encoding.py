"""Which files in the converter's sparse encoding run, and give what they should."""

import os
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfcompress.errors import ExportError, ModelError
from tfcompress.export.sparse.channels_first import Outcome, find_channels_first
from tfcompress.export.sparse.sparse_nodes import read_nodes
from tfcompress.measurement import LiteRTModel
from tfcompress.measurement.files.operation_name import operation_name

# How far the outputs of a sparse full-integer file may be from those of the dense one,
# as a share of the largest: kernels round differently by a step or two.
TOLERANCE = 0.05

_TYPES = {
    schema.TensorType.FLOAT32: "float32",
    schema.TensorType.FLOAT16: "float16",
    schema.TensorType.INT8: "int8",
}
# What may take a kernel in sparse encoding. All else was seen to fail when the file is
# loaded, or to give numbers that are wrong or not finite.
_RUNNING = {
    ("float32", "DENSIFY"),
    ("float32", "FULLY_CONNECTED"),
    ("float16", "DENSIFY"),
    ("int8", "DENSIFY"),
    ("int8", "FULLY_CONNECTED"),
}


def check_sparse_encoding(content: bytes) -> bool:
    """Checks that a file in sparse encoding runs on every device.

    Some of the faults do not show where the file is made: CPUs with AVX have none of
    the kernels that fail.

    Args:
        content: The bytes of a `.tflite` file.

    Returns:
        Whether a kernel is in sparse encoding at all.

    Raises:
        ExportError: If runtimes are known to refuse such a file, or to give wrong
            numbers.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    users = [user for graph in model.subgraphs for user in _users(model, graph)]
    for dtype, kind, name, activations in users:
        if dtype == "int8" and kind == "DENSIFY FULLY_CONNECTED":
            raise ExportError(
                "LiteRT cannot load a full-integer file with a Dense layer whose zeros "
                "are not in blocks of 16 inputs. Use sparse=False, a float target, or "
                f"prune in blocks. Received: int8 kernel {name!r}"
            )
        if dtype == "int8" and activations != "int8":
            raise ExportError(
                "LiteRT reads sparse int8 weights wrongly where activations are float, "
                "or cannot load the file. Use sparse=False, or a target that is float "
                f"or integer throughout. Received: int8 kernel {name!r}, read by {kind}"
            )
        if (dtype, kind.split()[0]) not in _RUNNING:
            raise ExportError(
                "LiteRT reads this kernel wrongly in sparse encoding: zeros in blocks "
                "go with float32 Dense layers only. Use target='cpu_float32', or "
                f"sparse=False. Received: {dtype} kernel {name!r}, read by {kind}"
            )
    if any(kind.startswith("DENSIFY") for _, kind, *_ in users):
        _check_phones(content)
    return bool(users)


def compare_encodings(
    sparse: str | os.PathLike[str],
    dense: str | os.PathLike[str],
    samples: dict[str, np.ndarray],
) -> None:
    """Runs the same model in both encodings, and compares.

    Args:
        sparse: The file in sparse encoding.
        dense: The file in which zeros are written out.
        samples: Inputs by name.

    Raises:
        ExportError: If the sparse file does not run, or its outputs differ.
    """
    try:
        found, expected = (_outputs(path, samples) for path in (sparse, dense))
    except ModelError as error:
        raise ExportError(
            f"The file in sparse encoding does not run; use sparse=False. {error}"
        ) from error
    for name, reference in expected.items():
        largest = max(float(np.abs(reference).max()), 1e-9)
        relative = float(np.abs(found[name] - reference).max()) / largest
        if not relative <= TOLERANCE:
            raise ExportError(
                "The file in sparse encoding does not do what it does without; use "
                f"sparse=False. Received: output {name!r}, which differs by "
                f"{relative:.1%} of the largest"
            )


def _outputs(
    path: str | os.PathLike[str], samples: dict[str, np.ndarray]
) -> dict[str, Any]:
    file = LiteRTModel(path, trusted=True)
    found = file.predict({name: samples[name] for name in file.input_details})
    return found if isinstance(found, dict) else {"output": found}


def _users(model: Any, graph: Any) -> list[tuple[str, str, str, str]]:
    """Lists each kernel in sparse encoding: its type, operation, name and activations.

    What takes the output of `DENSIFY` stands behind it, and its activations count.
    """
    kinds = [operation_name(model, operator) for operator in graph.operators or []]
    takers: dict[int, tuple[str, Any]] = {}
    for kind, operator in zip(kinds, graph.operators or [], strict=True):
        takers.update({int(index): (kind, operator) for index in operator.inputs})
    users = []
    for kind, operator in zip(kinds, graph.operators or [], strict=True):
        for index in operator.inputs:
            tensor = graph.tensors[index]
            if index < 0 or tensor.sparsity is None:
                continue
            user = operator
            if kind == "DENSIFY":
                other, user = takers.get(int(operator.outputs[0]), ("", operator))
                kind = f"DENSIFY {other}".strip()
            types = (tensor.type, graph.tensors[user.inputs[0]].type)
            dtype, activations = (_TYPES.get(type_, str(type_)) for type_ in types)
            users.append((dtype, kind, tensor.name.decode(), activations))
    return users


def _check_phones(content: bytes) -> None:
    """Raises an error for files that go wrong where there are sparse kernels."""
    nodes, outputs = read_nodes(content)
    found = find_channels_first(nodes, outputs)
    if found.outcome is not Outcome.BROKEN:
        return
    names = [nodes[index].names[0].rsplit(";", 1)[-1] for index in found.endings]
    raise ExportError(
        "CPUs with XNNPACK's sparse kernels, as in phones, would run a part of this "
        "model with them that ends in an operation they lack, and give wrong numbers "
        "or not load the file. Use sparse=False, or change what "
        f"tfcompress.export.sparse_ready names. Received: a part that ends at {names}"
    )
