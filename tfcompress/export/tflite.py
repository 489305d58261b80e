"""Writes the `.tflite` file that ships."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.export.artifact import Artifact
from tfcompress.export.census import (
    count_operations,
    float_operations,
    list_operations,
    refuse_float,
)
from tfcompress.export.conversion import convert
from tfcompress.export.dense_convolutions import densify_convolutions
from tfcompress.export.destination import check_batch, check_path
from tfcompress.export.int16_activations import (
    SLOW,
    check_activation_bits,
    convert_int16,
)
from tfcompress.export.layer_operations import list_layer_operations
from tfcompress.export.narrow_weights import narrow_weights
from tfcompress.export.representative import read_samples
from tfcompress.export.rounded_constants import store_rounded_weights
from tfcompress.export.signature import read_signature
from tfcompress.export.sparse_encoding import check_sparse_encoding, compare_encodings
from tfcompress.export.targets import Target, find_target
from tfcompress.export.verification import made_up_samples, verify
from tfcompress.files import replacing
from tfcompress.keras_compat import tfmot_layers
from tfcompress.keras_compat.quantized_graph import (
    activation_ranges,
    model_without_ranges,
    shipping_model,
    weight_bits,
    weight_formats,
)

CALIBRATION_SAMPLES = 512
VERIFICATION_SAMPLES = 512
# Kernels of so few bits are stored in fewer than 8.
_PACKED_BITS = 4


def to_tflite(
    model: Any,
    path: str | os.PathLike[str],
    *,
    target: str | Target = "cpu_int8",
    representative_data: Any = None,
    batch: int | None = 1,
    sparse: bool = False,
    strict: bool = False,
) -> Artifact:
    """Writes a Keras model as a `.tflite` file, and checks the file.

    The file holds TFLite's built-in operations only, so every LiteRT runtime can run
    it. It is run beside the model before it gets its name; a file that stood there
    before is replaced only by one that works.

    A quantization-aware model ships the whole numbers that it was trained with; a float
    file of it holds its rounded kernels, and rounds no activations. Kernels
    of 4 bits or fewer take half a byte a weight, of 2 bits in Dense layers a quarter;
    1x1 convolutions are then written as Dense layers, for which LiteRT has fast kernels
    of so few bits, and larger ones are slow, which `notes` of the artifact says.
    Depthwise and transposed convolutions, and kernels of 5 to 7 bits, take a byte a
    weight. So do those of recurrent layers, whose steps are computed in float; of 4
    bits or fewer half a byte.

    Args:
        model: A built functional or Sequential model of either Keras: plain, pruned,
            or quantization-aware. It is not changed.
        path: Where to write the file; its name must end in `.tflite`.
        target: `"cpu_int8"`, the default (full integer, int8 in and out),
            `"cpu_int8_float_io"` (the same with float32 in and out), `"cpu_float32"`,
            `"cpu_float16"` (weights at half the bytes), `"cpu_int16x8"` (int16
            activations, slow on CPUs), or a `Target`.
        representative_data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; 100 to 500 samples are usual, 512 are
            read at the most. Ranges of activations are learned from it, unless the
            model is quantization-aware and brings its own, of 8 bits; the file is
            verified on it.
        batch: Samples in one run of the file. Defaults to 1, which recurrent layers
            need and which is fastest on phones; None allows any number.
        sparse: Whether kernels with 30 % of zeros or more are written in the
            converter's sparse encoding: positions and numbers of what is not zero.
            Float files shrink by what was pruned. Speed comes only where
            `sparse_ready` says so, and from blocks of 4 zeros in Dense layers.
            Full-integer files hold convolutions, and Dense layers in blocks of 16.
            Combinations that LiteRT is known to get wrong are refused.
        strict: Whether an operation of a full-integer file that would compute in float
            is an error.

    Returns:
        An `Artifact`: path, size, operations by type, agreement with the model.

    Raises:
        ArgumentError: If the target is not known, the name does not end in `.tflite`,
            a full-integer file is asked of a model without ranges or data, or with
            activations of other bits than it was trained with, or a sparse
            one of int8 weights with float or int16 activations.
        DataError: If representative data is empty, not finite or does not fit.
        ModelError: If the model is subclassed, unbuilt, holds weights not finite, is
            still being pruned, or is quantization-aware and not calibrated.
        ExportError: If the model cannot be converted, if the file does not do what the
            model does, or would not on a device with sparse kernels, or if it computes
            in float where `strict` does not allow it.
        OutputError: If the file cannot be written.

    Example:
    ```python
    artifact = tfc.export.to_tflite(
        model, "model.tflite", target="cpu_int8", representative_data=images[:200]
    )
    ```
    """
    target = find_target(target)
    path = check_path(path)
    check_batch(batch)
    if sparse and target.weights == "int8" and target.activations != "int8":
        raise ArgumentError(
            "LiteRT reads sparse int8 weights wrongly where activations are not int8; "
            "use another target, or sparse=False. "
            f"Received: target={target.name!r}, sparse=True"
        )
    keras_compat.check_model(model)
    _check_wrappers(model)
    model = keras_compat.in_float32(model)
    if activation_ranges(model) and not target.full_integer:
        model = model_without_ranges(model)
    signature = read_signature(model, batch)
    knows_ranges = tfmot_layers.is_quantization_aware(model)
    check_activation_bits(target, _activation_bits(model))
    in_int16 = target.activations == "int16"
    finds_ranges = target.full_integer and (in_int16 or not knows_ranges)
    if finds_ranges and representative_data is None:
        raise ArgumentError(
            f"A file for {target.name} needs the ranges of the model's activations. "
            "Give 100 to 500 samples of real input as representative_data, or for int8 "
            "a quantization-aware model. Received: representative_data=None"
        )
    samples = None
    if representative_data is not None:
        samples = read_samples(
            representative_data, signature, samples=CALIBRATION_SAMPLES
        )
    calibration = samples if finds_ranges else None
    shipping = _shipping(model, in_int16=in_int16)
    if in_int16 and calibration is not None:
        content = convert_int16(shipping, signature, target, calibration)
    else:
        content = convert(
            shipping, signature, target, samples=calibration, sparse=sparse
        )
    if target.full_integer:
        content = _store_as_trained(content, weight_bits(model))
    if sparse and not check_sparse_encoding(content):
        warnings.warn(
            f"No kernel of model {model.name!r} has zeros enough to be written in "
            "sparse encoding; prune it to 30 % at the least.",
            stacklevel=2,
        )
    operations = list_operations(content)
    in_float = float_operations(operations)
    if strict and target.full_integer:
        refuse_float(in_float)
    shown = samples or made_up_samples(signature, VERIFICATION_SAMPLES)
    shown = {name: array[:VERIFICATION_SAMPLES] for name, array in shown.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        if sparse and target.full_integer:
            dense = convert(shipping, signature, target, samples=calibration)
            _compare(temporary, dense, shown)
        verification = verify(temporary, model, signature, target, shown)
    if target.full_integer and in_float:
        kinds = sorted({operation.kind for operation in in_float})
        warnings.warn(
            f"{path} was to be full integer, but computes {', '.join(kinds)} in float: "
            "see float_operations of the artifact for the layers.",
            stacklevel=2,
        )
    notes = (*_notes(content, target), *_rounded_again(model, target))
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return Artifact(
        path=path,
        bytes=len(content),
        target=target,
        operations=count_operations(operations),
        float_operations=in_float,
        verification=verification,
        notes=notes,
    )


def _activation_bits(model: Any) -> set[int]:
    """Returns to how many bits the activations of a model are rounded."""
    if not activation_ranges(model):
        return {8} if tfmot_layers.is_quantization_aware(model) else set()
    return {layer.bits for layer in activation_ranges(model)}


def _shipping(model: Any, *, in_int16: bool) -> Any:
    """Returns the model to convert, in the place of a quantization-aware one."""
    if not activation_ranges(model):
        return model
    return model_without_ranges(model) if in_int16 else shipping_model(model)


def _store_as_trained(content: bytes, bits: set[int]) -> bytes:
    """Stores kernels in the whole numbers that they were trained as, of these bits."""
    if min(bits, default=8) <= _PACKED_BITS:
        content = densify_convolutions(content)
    return store_rounded_weights(narrow_weights(content, bits), bits)


def _notes(content: bytes, target: Target) -> tuple[str, ...]:
    notes = (SLOW,) if target.activations == "int16" else ()
    slow = [
        operation.layers[0] if operation.layers else operation.kind
        for operation in list_layer_operations(content)
        if operation.kind == "CONV_2D" and operation.weights == "int4"
    ]
    if not slow:
        return notes
    return (
        *notes,
        "LiteRT unpacks int4 kernels of convolutions larger than 1x1 in each run, some "
        "4 times the time of int8. Train those layers with 5 bits or more where speed "
        f"matters more than bytes: {', '.join(slow)}.",
    )


def _rounded_again(model: Any, target: Target) -> tuple[str, ...]:
    formats = sorted(weight_formats(model) - {"linear"})
    if not formats or target.weights in ("float32", "float16"):
        return ()
    return (
        f"TFLite has no kernels for {' and '.join(formats)} weights. They were rounded "
        "once more, to int8; the verification measures the file as it is.",
    )


def _compare(path: Path, dense: bytes, samples: dict[str, np.ndarray]) -> None:
    """Compares a full-integer file, whose errors have no bound, with the dense one."""
    with tempfile.TemporaryDirectory(prefix="tfcompress-") as folder:
        other = Path(folder) / "dense.tflite"
        other.write_bytes(dense)
        compare_encodings(path, other, samples)


def _check_wrappers(model: Any) -> None:
    if tfmot_layers.pruned_layers(model):
        raise ModelError(
            "The model is still being pruned; give it to finalize of the pruning "
            f"first. Received: model {model.name!r}"
        )
    untouched = [layer.name for layer in activation_ranges(model) if not layer.is_known]
    if untouched:
        raise ModelError(
            "The model does not know the ranges of its activations; give it to "
            "tfcompress.quantization.calibrate with data before training and export. "
            f"Received: model {model.name!r}, with ranges never set in {untouched}"
        )
