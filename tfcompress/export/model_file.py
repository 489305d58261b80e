"""The bytes of a `.tflite` file for one model."""

import dataclasses
import functools
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ExportError
from tfcompress.export.account.float_reasons import explain_float_operations
from tfcompress.export.account.recipe import describe_model, describe_samples
from tfcompress.export.census import list_operations, refuse_float
from tfcompress.export.conversion.conversion import convert
from tfcompress.export.conversion.named_conversion import convert_named
from tfcompress.export.conversion.open_sizes import find_sizes, note_open_sizes
from tfcompress.export.conversion.recurrent import with_fresh_state
from tfcompress.export.conversion.representative import read_samples
from tfcompress.export.conversion.signature import Signature, read_signature
from tfcompress.export.conversion.source import check_source
from tfcompress.export.few_bits.dense_convolutions import densify_convolutions
from tfcompress.export.few_bits.narrow_weights import narrow_weights
from tfcompress.export.few_bits.rounded_constants import store_rounded_weights
from tfcompress.export.few_bits.shared_scales import share_scales
from tfcompress.export.layer_operations import list_layer_operations
from tfcompress.export.microcontroller.microcontroller import find_arena
from tfcompress.export.quantizer.int16_activations import (
    SLOW,
    check_activation_bits,
    convert_int16,
)
from tfcompress.export.sparse.sparse_encoding import (
    check_sparse_encoding,
    compare_encodings,
)
from tfcompress.export.target_rules import check_named, check_signature
from tfcompress.export.targets import Target, find_target
from tfcompress.export.verification.verification import made_up_samples
from tfcompress.files import temporary_folder
from tfcompress.keras_compat import tfmot_layers
from tfcompress.keras_compat.quantized_graph import (
    activation_ranges,
    clustered_steps,
    model_without_ranges,
    shipping_model,
    weight_bits,
    weight_formats,
)

CALIBRATION_SAMPLES = 512
VERIFICATION_SAMPLES = 512
MADE_UP_SAMPLES = 16
# Kernels of so few bits are stored in fewer than 8.
_PACKED_BITS = 4
# What a float file of one layer holds besides its weights.
_SMALLEST_OVERHEAD = 800
_FLEX = "Flex"


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A file of one model, and what it is compared with.

    Attributes:
        content: The bytes of the file.
        model: The Keras model.
        signature: Its inputs and outputs, by name.
        samples: Inputs to compare file and model on, by name.
        notes: What a user should know of the file.
        flex: The operations of TensorFlow in it that LiteRT itself does not have.
        arena_bytes: The memory that a microcontroller needs to run it, where that was
            found out.
        recipe: What it was made from, as plain data.
    """

    content: bytes
    model: Any
    signature: Signature
    samples: dict[str, np.ndarray]
    notes: tuple[str, ...]
    flex: tuple[str, ...]
    arena_bytes: int | None
    recipe: dict[str, Any]


def make_file(
    model: Any,
    target: Target,
    *,
    representative_data: Any,
    batch: int | None,
    sparse: bool,
    strict: bool,
    flex: bool,
    verification: bool,
) -> ModelFile:
    """Converts a Keras model to a file for a target, with all of the target's checks.

    Args:
        model: As in `to_tflite`, and only one.
        target: What the file shall hold.
        representative_data: As in `to_tflite`.
        batch: As in `to_tflite`.
        sparse: Whether kernels with enough zeros are written in sparse encoding.
        strict: As in `to_tflite`.
        flex: As in `to_tflite`.
        verification: Whether a file for a microcontroller is run as one would.

    Returns:
        The file.

    Raises:
        ArgumentError: As `to_tflite` does, and so do the following.
        DataError: If representative data does not fit.
        ModelError: If the model cannot be used as it is.
        ExportError: If it cannot be converted.
        OutputError: If the temporary folder cannot be written.
    """
    check_source(model, flex=flex)
    _check_sparse(target, sparse)
    model = with_fresh_state(keras_compat.in_float32(model))
    if activation_ranges(model) and not target.full_integer:
        model = model_without_ranges(model)
    signature = read_signature(model, batch)
    check_signature(signature, target)
    knows_ranges = tfmot_layers.is_quantization_aware(model)
    check_activation_bits(target, _activation_bits(model))
    in_int16 = target.activations == "int16"
    finds_ranges = target.full_integer and (in_int16 or not knows_ranges)
    if finds_ranges and representative_data is None:
        raise ArgumentError(
            f"A file for {target.name} needs the ranges of the model's activations. "
            "Give 100 to 500 samples of real input as representative_data (--data), or "
            "for int8 a quantization-aware model. Received: representative_data=None"
        )
    samples = None
    if representative_data is not None:
        samples = read_samples(
            representative_data, signature, samples=CALIBRATION_SAMPLES
        )
    shown = samples or _make_up(model, signature)
    shown = {name: array[:VERIFICATION_SAMPLES] for name, array in shown.items()}
    shipping = _shipping(model, in_int16=in_int16)
    calibration = samples if finds_ranges else None
    allowed = dataclasses.replace(target, float_operations=False) if strict else target
    run = functools.partial(convert, shipping, signature, allowed, flex=flex)
    notes = note_open_sizes(signature)
    if in_int16 and calibration is not None:
        content = convert_int16(shipping, signature, target, calibration)
    else:
        content = run(samples=calibration)
    if sparse:
        other = run(samples=calibration, sparse=True)
        content, said = _choose_encoding(other, content, target, shown)
        notes += said
    if target.full_integer:
        content = _store_as_trained(content, model)
        if strict:
            refuse_float(explain_float_operations(content, target))
    found = flex_operations(content)
    arena_bytes = None
    if not found:
        named = functools.partial(
            convert_named, shipping, signature, target=target, samples=calibration
        )
        notes += check_named(content, target, named)
        if verification:
            arena_bytes, said = _find_arena(content, target, shown)
            notes += said
    notes += _notes(content, target) + _rounded_again(model, target)
    if _may_be_larger(content, model) and not found and target.weights != "float32":
        notes += _note_size(content, model, signature, target)
    return ModelFile(
        content=content,
        model=model,
        signature=signature,
        samples=shown,
        notes=notes,
        flex=found,
        arena_bytes=arena_bytes,
        recipe={
            "model": describe_model(model),
            "representative_data": describe_samples(samples),
        },
    )


def flex_operations(content: bytes) -> tuple[str, ...]:
    """Returns the operations of TensorFlow that LiteRT does not have, by name."""
    kinds = (operation.kind for operation in list_operations(content))
    return tuple(sorted({kind for kind in kinds if kind.startswith(_FLEX)}))


def _check_sparse(target: Target, sparse: bool) -> None:
    if sparse and target.weights == "int8" and target.activations != "int8":
        raise ArgumentError(
            "LiteRT reads sparse int8 weights wrongly where activations are not int8; "
            "use another target, or sparse=False. "
            f"Received: target={target.name!r}, sparse=True"
        )


def _make_up(model: Any, signature: Signature) -> dict[str, np.ndarray]:
    return made_up_samples(find_sizes(model, signature), MADE_UP_SAMPLES)


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


def _store_as_trained(content: bytes, model: Any) -> bytes:
    """Stores the kernels of a model in the whole numbers that they were trained as."""
    bits = weight_bits(model)
    content = share_scales(content, clustered_steps(model))
    if min(bits, default=8) <= _PACKED_BITS:
        content = densify_convolutions(content)
    return store_rounded_weights(narrow_weights(content, bits), bits)


def _choose_encoding(
    sparse: bytes, dense: bytes, target: Target, samples: dict[str, np.ndarray]
) -> tuple[bytes, tuple[str, ...]]:
    """Returns the file in sparse encoding, or the other where that is no gain."""
    if not check_sparse_encoding(sparse):
        return dense, (
            "No kernel has zeros enough to be written in sparse encoding; prune the "
            "model to 30 % at the least.",
        )
    if len(sparse) >= len(dense):
        return dense, (
            f"Sparse encoding would take {len(sparse):,} bytes, and without it the "
            f"file takes {len(dense):,}: it was written without.",
        )
    if target.full_integer:
        # Errors of a full-integer file have no bound, so it is compared with the other.
        with temporary_folder() as folder:
            paths = folder / "sparse.tflite", folder / "dense.tflite"
            for path, content in zip(paths, (sparse, dense), strict=True):
                path.write_bytes(content)
            compare_encodings(*paths, samples)
    return sparse, ()


def _find_arena(
    content: bytes, target: Target, samples: dict[str, np.ndarray]
) -> tuple[int | None, tuple[str, ...]]:
    if target.runtime != "tflite-micro":
        return None, ()
    with temporary_folder() as folder:
        path = folder / "model.tflite"
        path.write_bytes(content)
        return find_arena(path, target, samples)


def _notes(content: bytes, target: Target) -> tuple[str, ...]:
    notes: tuple[str, ...] = (SLOW,) if target.activations == "int16" else ()
    if target.full_integer:
        found = explain_float_operations(content, target)
        if found:
            kinds = ", ".join(sorted({operation.kind for operation in found}))
            notes += (
                f"The file was to be full integer, but computes {kinds} in float; "
                "float_operations of the artifact, or of the .json beside the file, "
                "says where, and why.",
            )
    slow = [
        operation.layers[0] if operation.layers else operation.kind
        for operation in list_layer_operations(content)
        if operation.kind == "CONV_2D" and operation.weights == "int4"
    ]
    if slow:
        notes += (
            "LiteRT unpacks int4 kernels of convolutions larger than 1x1 in each run, "
            "some 4 times the time of int8. Train those layers with 5 bits or more "
            f"where speed matters more than bytes: {', '.join(slow)}.",
        )
    return notes


def _rounded_again(model: Any, target: Target) -> tuple[str, ...]:
    formats = sorted(weight_formats(model) - {"linear"})
    if not formats or target.weights in ("float32", "float16"):
        return ()
    return (
        f"TFLite has no kernels for {' and '.join(formats)} weights. They were rounded "
        "once more, to int8; the verification measures the file as it is.",
    )


def _may_be_larger(content: bytes, model: Any) -> bool:
    """Returns whether a file may be larger than the plain float file of a model."""
    return len(content) > 4 * model.count_params() + _SMALLEST_OVERHEAD


def _note_size(
    content: bytes, model: Any, signature: Signature, target: Target
) -> tuple[str, ...]:
    """Says where a file of one model is larger than its float file."""
    if activation_ranges(model):
        model = model_without_ranges(model)
    try:
        plain = convert(model, signature, find_target("cpu_float32"), samples=None)
    except ExportError:  # which says nothing of the file that there is
        return ()
    if len(content) <= len(plain):
        return ()
    added = "scales, conversions and loops written out"
    if target.weights == "float16":
        added = "operations that make float32 of the weights"
    return (
        f"Model {model.name!r} takes {len(content):,} bytes, more than the "
        f"{len(plain):,} of its file for cpu_float32: {added} add more than so few "
        "weights save.",
    )
