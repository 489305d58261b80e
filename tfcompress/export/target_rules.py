"""Whether a file has what its target demands."""

import collections
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tfcompress.errors import ArgumentError, ExportError, TFCompressError
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.layer_operations import kernel_of, layers_of
from tfcompress.export.operation_forms import check_form
from tfcompress.export.targets import OperationRule, Target
from tfcompress.measurement.files.constant_tensors import find_unpacked, is_constant
from tfcompress.measurement.files.operation_name import operation_name, type_name
from tfcompress.measurement.files.structure import parse_tflite, reading

_FLOAT = ("float16", "float32", "float64")
_CHANNEL_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": -1, "TRANSPOSE_CONV": 0}
_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE"}
_NO_RECURRENCE = "use convolutions over time in the place of a recurrent layer"
_UNROLLED = "build the recurrent layer with unroll=True"
_ADVICE = {
    "CONV_3D": "use convolutions of two dimensions",
    "CONV_3D_TRANSPOSE": "use convolutions of two dimensions",
    "DENSIFY": "export with sparse=False",
    "GATHER": "compute the embedding in front of the file",
    "EMBEDDING_LOOKUP": "compute the embedding in front of the file",
    "GELU": "use another activation, such as relu",
    "HARD_SWISH": "use another activation, such as relu",
    "LEAKY_RELU": "use another activation, such as relu",
    "TOPK_V2": "choose among the outputs behind the file",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _NO_RECURRENCE,
    "UNPACK": _NO_RECURRENCE,
    "WHILE": _NO_RECURRENCE,
}


def check_target(content: bytes, target: Target) -> tuple[str, ...]:
    """Checks that a file has what its target demands.

    Looked at are the types at its door and within, the operations and the forms in
    which the device has them, shapes, and the scales of Dense kernels.

    Args:
        content: The bytes of the `.tflite` file.
        target: What it is for.

    Returns:
        Advice: what the device can run, and would run better if it were otherwise.

    Raises:
        ExportError: If the device cannot run the file, or not all of it. All layers at
            fault are named, with what to do.
        ModelError: If the file is damaged.

    Example:
    ```python
    from pathlib import Path

    content = Path("model.tflite").read_bytes()
    notes = tfc.export.check_target(content, tfc.export.find_target("npu_int8"))
    ```
    """
    name = f"{len(content)} bytes"
    file = parse_tflite(content, name)
    with reading(name):
        faults = _find_faults(file, target)
        notes = _channel_notes(file, target)
    if faults:
        listed = "; ".join(
            f"{where}: {', and '.join(reasons)}" for where, reasons in faults.items()
        )
        raise ExportError(
            f"The target {target.name!r} ({target.description}) cannot run the whole "
            "file. Replace the layers that are named here, cut the model in front of "
            f"them, or export to {_any_cpu(target)!r}. Received: {listed}"
        )
    return notes


def _find_faults(file: Any, target: Target) -> dict[str, list[str]]:
    faults: dict[str, list[str]] = collections.defaultdict(list)
    for where, why in (*_door_faults(file, target), *_operation_faults(file, target)):
        if why not in faults[where]:
            faults[where].append(why)
    return faults


def check_named(
    content: bytes, target: Target, convert: Callable[[], bytes]
) -> tuple[str, ...]:
    """Does what `check_target` does, and calls layers by their names in the model.

    In the files of Keras 3 models layers have other names, with numbers behind them.
    Where there is something to say, it is said of a file with the names of the model.

    Args:
        content: The bytes of the `.tflite` file.
        target: What it is for.
        convert: Makes the file once more, with exact names, as `convert_named` does.
            It may fail; then the names are those of `content`.

    Returns:
        As `check_target` does.

    Raises:
        ExportError: As `check_target` does.
    """
    try:
        notes = check_target(content, target)
    except ExportError:
        check_target(_converted(convert, content), target)
        raise
    if not notes:
        return notes
    with contextlib.suppress(ExportError):
        return check_target(_converted(convert, content), target)
    return notes


def _converted(convert: Callable[[], bytes], otherwise: bytes) -> bytes:
    try:
        return convert()
    except TFCompressError:
        return otherwise


def check_signature(signature: Signature, target: Target) -> None:
    """Checks before the conversion what can be told from a model's inputs.

    Args:
        signature: The model's inputs, with the batch that the file shall have.
        target: What the file is for.

    Raises:
        ArgumentError: If the target demands another batch, or shapes that are known,
            and the inputs have others.
    """
    for name, spec in signature.inputs.items():
        batch, *sizes = spec.shape.as_list()
        if target.batch is not None and batch != target.batch:
            raise ArgumentError(
                f"The target {target.name!r} runs {target.batch} sample at a time; "
                f"export with batch={target.batch}. Received: batch={batch}"
            )
        if target.static_shapes and batch is None:
            raise ArgumentError(
                f"The target {target.name!r} must know every shape before it runs; "
                "export with a number of samples, such as batch=1. Received: batch=None"
            )
        if target.static_shapes and None in sizes:
            raise ArgumentError(
                f"The target {target.name!r} must know every shape before it runs; "
                "build the model with inputs of fixed sizes. "
                f"Received: input {name!r} of shape {tuple(spec.shape.as_list())}"
            )


def _any_cpu(target: Target) -> str:
    if target.full_integer:
        return "cpu_int16x8" if target.activations == "int16" else "cpu_int8"
    return "cpu_float16" if target.weights == "float16" else "cpu_float32"


def _door_faults(file: Any, target: Target) -> Iterator[tuple[str, str]]:
    """Yields inputs and outputs of another type or batch than the target's."""
    subgraph = file.subgraphs[0]
    for side, indices in (("input", subgraph.inputs), ("output", subgraph.outputs)):
        for index in indices:
            tensor = subgraph.tensors[index]
            where = f"{side} {tensor.name.decode()!r}"
            stored = type_name(tensor)
            real = stored in _FLOAT or _scales(tensor) > 0
            if real and stored != target.inputs_and_outputs:
                yield where, f"{stored} in the place of {target.inputs_and_outputs}"
            shape = _shape(tensor)
            if target.batch is not None and shape and shape[0] != target.batch:
                yield where, f"a batch of {shape[0]} (export with batch={target.batch})"


def _operation_faults(file: Any, target: Target) -> Iterator[tuple[str, str]]:
    rules = {rule.name: rule for rule in target.operations or ()}
    for subgraph in file.subgraphs:
        unpacked = find_unpacked(file, subgraph)
        for operator in subgraph.operators or []:
            kind = operation_name(file, operator)
            if target.full_integer and kind in _CONVERSIONS:
                continue  # they stand at the door, or around what computes in float
            where = _name(file, subgraph, operator, kind)
            if target.operations is not None:
                for why in _form_faults(file, subgraph, operator, rules):
                    yield where, why
            if target.per_tensor_dense and kind == "FULLY_CONNECTED":
                kernel = kernel_of(file, subgraph, operator)
                if kernel is not None and _scales(subgraph.tensors[kernel]) > 1:
                    yield where, "a scale for each channel (it takes one for all)"
            for index in {*map(int, operator.inputs), *map(int, operator.outputs)}:
                if index < 0 or index in unpacked:
                    continue
                if not is_constant(file, subgraph.tensors[index]):
                    for why in _tensor_faults(subgraph.tensors[index], target):
                        yield where, why


def _form_faults(
    file: Any, subgraph: Any, operator: Any, rules: dict[str, OperationRule]
) -> Iterator[str]:
    kind = operation_name(file, operator)
    if kind not in rules:
        advice = _ADVICE.get(kind)
        if advice == _NO_RECURRENCE and "UNPACK" in rules:
            advice = _UNROLLED
        yield "it has no such operation" + (f" ({advice})" if advice else "")
        return
    form = check_form(file, subgraph, operator, rules[kind])
    if form:
        yield f"it does not take {form}"


def _tensor_faults(tensor: Any, target: Target) -> Iterator[str]:
    """Yields what a target does not take of a tensor that is computed."""
    shape = _shape(tensor)
    stored = type_name(tensor)
    if not target.float_operations and stored in _FLOAT:
        yield "computes in float (use a layer that has a whole-number form)"
    signature = tensor.shapeSignature
    if target.static_shapes and signature is not None and -1 in list(signature):
        yield "a shape not known before it runs (give every input fixed sizes)"
    if target.largest_rank is not None and len(shape) > target.largest_rank:
        yield f"a tensor of {len(shape)} axes (it takes {target.largest_rank})"
    inner = target.largest_inner_axes
    if inner is not None and any(size > 1 for size in shape[:-inner]):
        yield f"a tensor of shape {shape} (only the last {inner} sizes may be above 1)"


def _channel_notes(file: Any, target: Target) -> tuple[str, ...]:
    multiple = target.channel_multiple
    if multiple is None:
        return ()
    odd: dict[str, None] = {}
    for subgraph in file.subgraphs:
        for operator in subgraph.operators or []:
            kind = operation_name(file, operator)
            kernel = kernel_of(file, subgraph, operator)
            if kind not in _CHANNEL_AXES or kernel is None:
                continue
            channels = _shape(subgraph.tensors[kernel])[_CHANNEL_AXES[kind]]
            if channels % multiple:
                name = (layers_of(subgraph, operator, kernel) or (kind,))[0]
                odd[f"{name} ({channels})"] = None
    if not odd:
        return ()
    return (
        f"{target.name} works on {multiple} channels at a time and fills up others; "
        f"multiples of {multiple} cost nothing more. Others: {', '.join(odd)}.",
    )


def _name(file: Any, subgraph: Any, operator: Any, kind: str) -> str:
    layers = layers_of(subgraph, operator, kernel_of(file, subgraph, operator))
    if layers:
        return f"layer {' and '.join(map(repr, layers))} ({kind})"
    outputs = [subgraph.tensors[index].name.decode() for index in operator.outputs]
    return f"{kind} at {', '.join(outputs)!r}"


def _scales(tensor: Any) -> int:
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None:
        return 0
    return len(quantization.scale)


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)
