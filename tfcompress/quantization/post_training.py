"""Quantizes a trained model without training it."""

import dataclasses
import os
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ExportError
from tfcompress.export.account.accounting import (
    Verifications,
    read_signatures,
    write_artifact,
)
from tfcompress.export.account.artifact import Artifact
from tfcompress.export.account.recipe import describe_model, describe_samples
from tfcompress.export.census import (
    Operation,
    float_operations,
    list_operations,
    refuse_float,
)
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.representative import read_samples
from tfcompress.export.destination import check_batch, check_path
from tfcompress.export.few_bits.dense_convolutions import densify_convolutions
from tfcompress.export.layer_operations import LayerOperation, list_layer_operations
from tfcompress.export.quantizer.edge_quantizer import quantize_file
from tfcompress.export.quantizer.float_file import (
    FloatFile,
    convert_to_float,
    read_float_file,
)
from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.export.quantizer.ranges import read_ranges
from tfcompress.export.targets import Target
from tfcompress.export.verification.verification import made_up_samples, verify
from tfcompress.files import temporary_path
from tfcompress.names import matches, nearest
from tfcompress.quantization.schemes import Scheme, find_scheme, layer_format

CALIBRATION_SAMPLES = 500
VERIFICATION_SAMPLES = 64


def post_training(
    model: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    scheme: str | Scheme | None = None,
    representative_data: Any = None,
    layers: Mapping[str, str] | None = None,
    batch: int | None = 1,
    strict: bool = False,
    verification: bool = True,
) -> Artifact:
    """Writes a quantized `.tflite` file of a trained model, and checks it.

    The model is converted to float once, and ai-edge-quantizer
    (https://github.com/google-ai-edge/ai-edge-quantizer) quantizes the file. To try
    many variants, write `scheme="float32"` first and give its file to further calls:
    each then takes a fraction of a second. Where it leaves an operation of a
    full-integer or float16 file in float32 that TensorFlow's converter does not, the
    converter quantizes the Keras model instead.

    Args:
        model: A built functional or Sequential model of either Keras, or the path of a
            float `.tflite` file. It is not changed.
        path: Where to write the file; its name must end in `.tflite`. None, the
            default, writes it into a temporary folder that is removed when the process
            ends.
        scheme: `"float32"`; `"float16"`; `"dynamic_range"` (int8 weights, float
            activations that are rounded in each run), the default without data;
            `"dynamic_int4"` (the same with int4 weights in Dense layers and 1x1
            convolutions);
            `"weight_only_int8"`, `"weight_only_int4"` (computed in float32); `"int8"`
            (full integer, int8 in and out), the default with data; `"int8_float_io"`;
            `"int16x8"` (int8 weights, int16 activations); or a `Scheme`.
        representative_data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; 100 to 500 samples are usual, 500 are
            read at the most. `"int8"`, `"int8_float_io"` and `"int16x8"` learn the
            ranges of activations from it; every file is verified on it.
        layers: Layers that are treated in their own way: a mapping from a name, or a
            pattern such as `"block_1_*"`, to `"float32"`, `"float16"`,
            `"weight_only_int8"`, `"weight_only_int4"`, `"int8"` or `"int4"`. A name
            goes before a pattern, an earlier pattern before a later one. Names are
            those of the Keras layers, of models inside the model too; in a file from
            elsewhere those in the names of its tensors.
        batch: Samples in one run of the file. Defaults to 1; None allows any number. A
            file keeps its own.
        strict: Whether an operation of a full-integer file that would compute in float
            is an error, unless `layers` names its layer.
        verification: Whether the file is run and compared with the model. The layers of
            a `.tflite` file cannot be compared, so a file made from it must stay above
            0 dB of signal to noise.

    Returns:
        An `Artifact`: path, size, operations, agreement with the model, what became of
        each layer (`layers`) and what a user should know (`notes`).

    Raises:
        ArgumentError: If a scheme, a format, or the ending of the name is not known, if
            a scheme needs data and gets none, if a name matches no layer, or if a layer
            cannot have its format.
        DataError: If representative data is empty, not finite or does not fit.
        ModelError: If the model is subclassed, unbuilt, being pruned, aware of
            quantization, or holds weights not finite; if the file is damaged or not
            float.
        ExportError: If the model cannot be converted, the file does not run, does not
            do what the model does, or computes in float where `strict` does not allow
            it.
        OutputError: If the file cannot be written.

    Example:
    ```python
    artifact = tfc.quantization.post_training(
        model,
        "model.tflite",
        representative_data=images[:200],
        layers={"logits": "float32"},
    )
    print(artifact.bytes, artifact.layers)
    ```
    """
    if scheme is None:
        scheme = "dynamic_range" if representative_data is None else "int8"
    scheme = find_scheme(scheme)
    own = _read_layers(scheme, layers)
    check_batch(batch)
    if path is not None:
        path = check_path(path)
    if scheme.format.static and representative_data is None:
        raise ArgumentError(
            f"The scheme {scheme.name!r} needs the ranges of the model's activations. "
            "Give 100 to 500 samples of real input as representative_data, or choose "
            "'dynamic_range'. Received: representative_data=None"
        )
    if isinstance(model, str | os.PathLike):
        source = read_float_file(model)
    else:
        source = convert_to_float(model, batch)
    samples = None
    if representative_data is not None:
        samples = read_samples(
            representative_data, source.signature, samples=CALIBRATION_SAMPLES
        )
    if scheme.dense_convolutions:
        dense = densify_convolutions(source.content)
        source = dataclasses.replace(source, content=dense)
    formats = _choose(source, own, layers or {})
    content = _quantize(source, scheme, formats, samples)
    quantized = list_layer_operations(content)
    left = _left_in_float(scheme, quantized, formats)
    wider = _wider_than_chosen(quantized, formats)
    target = _target(scheme, [f for n, f in formats.items() if n not in wider])
    if strict:
        refuse_float([Operation(o.kind, o.activations, o.scope) for o in left])
    shown = samples or made_up_samples(source.signature, VERIFICATION_SAMPLES)
    shown = {name: array[:VERIFICATION_SAMPLES] for name, array in shown.items()}
    path = path or temporary_path(f"{source.name}-{scheme.name}.tflite")
    notes = _notes(scheme, quantized, left, wider)
    if not verification:
        notes += ("The file was not compared with the model: verification=False.",)

    def check(temporary: Path) -> Verifications:
        if not verification:
            return {}
        found = verify(temporary, source.model, source.signature, target, shown)
        return dict.fromkeys(read_signatures(content), found)

    artifact = write_artifact(
        path,
        content,
        target,
        verify=check,
        recipe={
            "function": "tfcompress.quantization.post_training",
            "scheme": scheme.name,
            "layers": dict(layers or {}),
            "batch": batch,
            "strict": strict,
            "verification": verification,
            "model": describe_model(source.model)
            if keras_compat.is_model(source.model)
            else {"name": source.name},
            "representative_data": describe_samples(samples),
        },
        layers=_account(source, quantized),
        notes=notes,
    )
    for note in artifact.notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return artifact


def _left_in_float(
    scheme: Scheme,
    operations: tuple[LayerOperation, ...],
    formats: Mapping[str, NumberFormat],
) -> list[LayerOperation]:
    """Returns what computes in float against the scheme, and not by choice."""
    return [
        operation
        for operation in operations
        if scheme.format.static
        and operation.activations in ("float32", "dynamic int8")
        and operation.kind != "QUANTIZE"
        and not set(operation.layers) & set(formats)
    ]


def _wider_than_chosen(
    operations: tuple[LayerOperation, ...], formats: Mapping[str, NumberFormat]
) -> list[str]:
    """Returns the layers of which no kernel has the int4 weights that were chosen."""
    narrow = {
        layer
        for operation in operations
        if operation.weights == "int4"
        for layer in operation.layers
    }
    return [
        name
        for name, form in formats.items()
        if form.weights == "int4" and name not in narrow
    ]


def _target(scheme: Scheme, formats: Collection[NumberFormat]) -> Target:
    """Returns the scheme's target, with the narrowest weights that any layer has."""
    widths = ["float32", "float16", "int8", "int4"]
    target = scheme.target
    weights = [target.weights, *(form.weights for form in formats)]
    return dataclasses.replace(target, weights=max(weights, key=widths.index))


def _quantize(
    source: FloatFile,
    scheme: Scheme,
    formats: Mapping[str, NumberFormat],
    samples: dict[str, np.ndarray] | None,
) -> bytes:
    """Quantizes with ai-edge-quantizer, or the converter where that does more."""
    content = quantize_file(
        source.content,
        scheme.format,
        kinds=scheme.kinds,
        layers=formats,
        ranges=read_ranges(source.content, samples)
        if scheme.format.static and samples is not None
        else None,
        float_inputs_and_outputs=scheme.inputs_and_outputs == "float32",
    )
    left = _count_left(scheme, content)
    if not left or formats or not keras_compat.is_model(source.model):
        return content
    in_loops = any(op.in_loop for op in list_layer_operations(source.content))
    if in_loops and scheme.format.static:  # which would end the process
        return content
    try:
        other = convert_named(
            source.model, source.signature, target=scheme.target, samples=samples
        )
    except ExportError:
        return content
    return other if _count_left(scheme, other) < left else content


def _count_left(scheme: Scheme, content: bytes) -> int:
    """Counts what a scheme that the converter has as well should have quantized."""
    if scheme.format.activations == "int8":
        return len(float_operations(list_operations(content)))
    if scheme.format.weights == "float16":
        return sum(op.weights == "float32" for op in list_layer_operations(content))
    return 0


def _read_layers(
    scheme: Scheme, layers: Mapping[str, str] | None
) -> dict[str, NumberFormat]:
    if layers is not None and (
        not isinstance(layers, Mapping) or not all(isinstance(k, str) for k in layers)
    ):
        raise ArgumentError(
            "layers is a mapping from names or patterns of layers to formats. "
            f"Received: layers={layers!r}"
        )
    return {key: layer_format(scheme, value) for key, value in (layers or {}).items()}


def _choose(
    source: FloatFile, own: Mapping[str, NumberFormat], given: Mapping[str, str]
) -> dict[str, NumberFormat]:
    """Returns the format of each layer that has one of its own."""
    kinds: dict[str, set[str]] = {}
    for operation in list_layer_operations(source.content):
        for layer in operation.layers:
            kinds.setdefault(layer, set()).add(operation.kind)
    chosen: dict[str, NumberFormat] = {}
    for key, form in sorted(own.items(), key=lambda item: item[0] not in kinds):
        named = [name for name in kinds if matches(name, key)]
        if not named:
            raise ArgumentError(_not_found(key, source, kinds))
        able = [
            name
            for name in named
            if form.weights != "int4" or any(_takes(form, kind) for kind in kinds[name])
        ]
        if not able:
            raise ArgumentError(
                f"Layer {named[0]!r} cannot have int4 weights: LiteRT has int4 "
                "kernels for Dense and Conv2D layers alone; choose int8. "
                f"Received: layers={{{key!r}: {given[key]!r}}}"
            )
        for name in able:
            chosen.setdefault(name, form)
    return chosen


def _takes(form: NumberFormat, kind: str) -> bool:
    possible = form.for_kind(kind)
    return possible is not None and possible.weights == form.weights


def _not_found(key: str, source: FloatFile, kinds: Mapping[str, Any]) -> str:
    without = [name for name in source.layers if matches(name, key)]
    if without:
        return (
            f"Layer {without[0]!r} has no operation of its own in the file: it is "
            "folded into another layer, or does nothing outside training. Name the "
            f"layer before it. Received: layers={[key]}"
        )
    return (
        "layers names no layer of the model: the nearest are "
        f"{nearest(key, kinds)}. Received: layers={[key]}"
    )


def _account(
    source: FloatFile, operations: tuple[LayerOperation, ...]
) -> dict[str, str]:
    """Says of each layer how its weights are stored and what it computes in."""
    account: dict[str, list[str]] = {}
    for operation in operations:
        if operation.kind in ("QUANTIZE", "DEQUANTIZE"):
            continue
        names = [name for name in operation.layers if name in source.layers]
        told = f"{operation.activations} activations"
        if operation.weights is not None:
            told = f"{operation.weights} weights, {told}"
            names = names[:1]
        for name in names:
            if told not in account.setdefault(name, []):
                account[name].append(told)
    with_weights = {
        name: [told for told in found if "weights" in told] or found
        for name, found in account.items()
    }
    return {name: "; ".join(found) for name, found in with_weights.items()}


def _notes(
    scheme: Scheme,
    operations: tuple[LayerOperation, ...],
    left: list[LayerOperation],
    wider: list[str],
) -> tuple[str, ...]:
    notes = [] if scheme.slow is None else [scheme.slow]
    if wider:
        notes.append(
            f"{', '.join(wider)}: int8 weights in place of int4, which LiteRT computes "
            "well only with an even number of inputs."
        )
    if any(op.kind == "CONV_2D" and op.weights == "int4" for op in operations):
        notes.append(
            "LiteRT unpacks int4 kernels of convolutions in each run, which takes 2 to "
            "4 times as long as float32 on CPUs. The scheme dynamic_int4 keeps them in "
            "int8."
        )
    in_float = dict.fromkeys(operation.kind for operation in left)
    if in_float:
        notes.append(
            f"Not all of it is whole numbers: {', '.join(in_float)} compute in float, "
            "for there is no integer form of them, or they stand in loops."
        )
    return tuple(notes)
