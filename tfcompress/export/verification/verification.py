"""Does the file do what the model does? Run both, and compare."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress import keras_compat
from tfcompress.errors import ExportError, ModelError
from tfcompress.export.conversion.signature import Signature
from tfcompress.export.targets import Target
from tfcompress.export.verification.bisection import bisect
from tfcompress.export.verification.gap import Gap, measure_gap, worst
from tfcompress.export.verification.layer_comparison import LayerComparison
from tfcompress.export.verification.output_steps import read_output_steps
from tfcompress.export.verification.tolerance import (
    describe_gap,
    describe_tolerance,
    is_cost,
    is_cost_without_layers,
    is_float,
    is_tolerable,
)
from tfcompress.export.verification.uneven_inputs import describe_uneven
from tfcompress.measurement import LiteRTModel

# LiteRT's own kernels are slow, and a fault of theirs shows in any sample.
_SAMPLES_WITHOUT_DELEGATES = 4
_BATCH = 32
# Numbers in all inputs: 66 images of 224 x 224 pixels, 1 GB in the largest layer of 16
# of them.
_MOST_NUMBERS = 10_000_000


@dataclasses.dataclass(frozen=True)
class Verification:
    """How a file's outputs compare with the Keras model's, on the same inputs.

    Where a model has several outputs, each number is that of the worst one; `outputs`
    has those of each.

    Attributes:
        samples: How many inputs were compared.
        largest_error: The largest absolute difference of any output.
        mean_error: The mean absolute difference.
        relative_error: `largest_error`, as a share of the largest absolute output.
        sqnr_db: The ratio of signal to quantization noise, in decibels, from -200 to
            200, which stands for no difference; see `tfcompress.export.Gap`.
        steps: `largest_error` in steps of the file's quantized output, or None where
            the output is float.
        mean_steps: `mean_error` in such steps, or None.
        same_class: Share of samples in which the largest output is the same one, or
            None for a model with several outputs or a single column.
        without_delegates: How the outputs of LiteRT's default kernels, XNNPACK among
            them, compare with those of its own kernels alone, on a few of the samples.
            None where LiteRT's own kernels cannot run the file.
        outputs: How each output compares with the Keras model's, by name.
        notes: What a user should know of it: each gap that is beyond the tolerance and
            passes as what quantization costs.
    """

    samples: int
    largest_error: float
    mean_error: float
    relative_error: float
    sqnr_db: float
    steps: float | None
    mean_steps: float | None
    same_class: float | None
    without_delegates: Gap | None
    outputs: Mapping[str, Gap]
    notes: tuple[str, ...] = ()


def verify(
    path: str | os.PathLike[str],
    model: Any,
    signature: Signature,
    target: Target,
    samples: dict[str, np.ndarray],
    *,
    key: str | None = None,
) -> Verification:
    """Runs a file and the model it came from on the same inputs.

    The file is run twice: on LiteRT's default kernels, and on a few samples without
    XNNPACK. Both must do what the model does.

    Args:
        path: The `.tflite` file.
        model: The Keras model, or what is called as one is; such a source has no
            layers to compare.
        signature: Its inputs and outputs, by name.
        target: What the file was made for; it decides how far the outputs may be from
            the model's, as `tfcompress.export.verification.tolerance` says.
        samples: Inputs by name, each of shape `(samples, ...)`. Of large ones no more
            are run than hold ten million numbers.
        key: Name of the file's signature, where it holds several.

    Returns:
        The comparison.

    Raises:
        ExportError: If the file does not run, gives numbers that are not finite, or
            differs by more than the tolerance, or by what would be a cost of
            quantization if the layers could be compared. It names the kernels with
            which it does, and the first layer that departs.
    """
    path = Path(path)
    samples = _limited(samples)
    expected = _run_model(model, signature, samples)
    steps = read_output_steps(path.read_bytes(), key)
    default = _run_file(path, key, samples, signature)
    own = _run_file(path, key, samples, signature, delegates=False)
    _refuse_crash(default, own)
    faults = [
        fault
        for run in (default, own)
        for fault in _find_faults(run, expected, steps, target)
    ]
    has_layers = keras_compat.is_model(model)
    notes: dict[str, str] = {}
    for run in (default, own):
        of_run = [fault for fault in faults if fault.run is run]
        layers, reason = None, ""
        if of_run and has_layers:
            layers, reason = _compare(of_run[0], path, model, signature, samples, key)
        for fault in of_run:
            cost = fault.gap is not None and (
                is_cost(fault.gap, target, layers)
                if has_layers
                else is_cost_without_layers(fault.gap, target)
            )
            if fault.gap is None or not cost:
                uneven = None
                if target.activations == "int8":
                    uneven = describe_uneven(samples)
                message = _explain(fault, faults, own, target, layers, uneven)
                raise ExportError(message + reason)
            note = _note_cost(fault.output, fault.gap, target, has_layers)
            notes.setdefault(fault.output, note)
    outputs = {
        name: measure_gap(default.outputs[name], values, step=steps.get(name))
        for name, values in expected.items()
    }
    differences = [
        measure_gap(default.outputs[name][: len(values)], values, step=steps.get(name))
        for name, values in own.outputs.items()
    ]
    return Verification(
        samples=data_module.length(list(samples.values())),
        **dataclasses.asdict(worst(outputs.values())),
        same_class=_same_class(default.outputs, expected),
        without_delegates=worst(differences) if differences else None,
        outputs=outputs,
        notes=tuple(notes.values()),
    )


@dataclasses.dataclass(frozen=True)
class _Run:
    """What a file gave, with XNNPACK or without; nothing if it did not run."""

    delegates: bool
    outputs: dict[str, np.ndarray]
    error: str = ""


@dataclasses.dataclass(frozen=True)
class _Fault:
    """An output that is no good, and the sample in which it is worst."""

    run: _Run
    output: str
    gap: Gap | None
    sample: int


def _limited(samples: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    count = data_module.length(list(samples.values()))
    numbers = sum(array.size for array in samples.values()) // count
    most = max(_MOST_NUMBERS // max(numbers, 1), 1)
    return {name: array[:most] for name, array in samples.items()}


def _run_model(
    model: Any, signature: Signature, samples: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Runs a Keras model in parts, so that no layer's output takes all the memory."""
    fixed = model.inputs[0].shape[0] if keras_compat.is_model(model) else None
    batch = fixed or _BATCH
    count = data_module.length(list(samples.values()))
    parts = []
    for start in range(0, count, batch):
        places = np.arange(start, start + batch if fixed else min(start + batch, count))
        rows = {name: array[places % count] for name, array in samples.items()}
        arguments = tf.nest.map_structure(
            lambda name, rows=rows: tf.constant(rows[name]), signature.structure
        )
        outputs = tf.nest.flatten(model(arguments, training=False))
        parts.append([output.numpy()[: count - start] for output in outputs])
    arrays = [np.concatenate(part) for part in zip(*parts, strict=True)]
    for name, array in zip(signature.outputs, arrays, strict=True):
        if not np.isfinite(array).all():
            raise ExportError(
                "The model itself gives numbers that are not finite on the samples "
                f"that the file is verified on. Received: output {name!r}"
            )
    return dict(zip(signature.outputs, arrays, strict=True))


def _run_file(
    path: Path,
    key: str | None,
    samples: dict[str, np.ndarray],
    signature: Signature,
    *,
    delegates: bool = True,
) -> _Run:
    most = None if delegates else _SAMPLES_WITHOUT_DELEGATES
    try:
        file = LiteRTModel(path, signature=key, delegates=delegates, trusted=True)
        outputs = file.predict({n: samples[n][:most] for n in file.input_details})
    except ModelError as error:
        return _Run(delegates, {}, str(error))
    if not isinstance(outputs, dict):
        outputs = {signature.outputs[0]: outputs}
    return _Run(delegates, outputs)


def _refuse_crash(default: _Run, own: _Run) -> None:
    if default.error and not own.error:
        raise ExportError(
            "XNNPACK, LiteRT's default kernels, cannot run the file, though LiteRT's "
            f"own kernels can: phones would not load it. {default.error}"
        )
    if default.error:
        raise ExportError(f"The .tflite file does not run. {default.error}")


def _find_faults(
    run: _Run,
    expected: dict[str, np.ndarray],
    steps: Mapping[str, float],
    target: Target,
) -> list[_Fault]:
    faults = []
    for name, found in run.outputs.items():
        reference = expected[name][: len(found)]
        finite = np.isfinite(found)
        if not finite.all():
            rows = finite.reshape(len(found), -1).all(-1)
            faults.append(_Fault(run, name, None, int(np.argmin(rows))))
            continue
        gap = measure_gap(found, reference, step=steps.get(name))
        if not is_tolerable(gap, target):
            errors = np.abs(found - reference).reshape(len(found), -1).max(-1)
            faults.append(_Fault(run, name, gap, int(np.argmax(errors))))
    return faults


def _compare(
    fault: _Fault,
    path: Path,
    model: Any,
    signature: Signature,
    samples: dict[str, np.ndarray],
    key: str | None,
) -> tuple[LayerComparison | None, str]:
    """Compares the layers on the worst sample, or says why that cannot be done."""
    sample = slice(fault.sample, fault.sample + 1)
    try:
        layers = bisect(
            path,
            model,
            signature,
            {name: array[sample] for name, array in samples.items()},
            key=key,
            delegates=fault.run.delegates,
        )
    except ModelError as error:  # What is to be told is the fault of the file.
        return None, f". Its layers cannot be compared with the model's: {error}"
    return layers, ""


def _note_cost(output: str, gap: Gap, target: Target, has_layers: bool) -> str:
    found = "no layer falls sharply, so it counts as what quantization costs"
    if not has_layers:
        found = (
            "it passes for what quantization costs, for a .tflite file has no layers "
            "to compare; give the Keras model to have them compared"
        )
    return (
        f"The file is {describe_gap(gap, target)} from the model at output {output!r}, "
        f"where {describe_tolerance(target)} are usual; {found}. Measure its quality."
    )


def _explain(
    fault: _Fault,
    faults: list[_Fault],
    own: _Run,
    target: Target,
    layers: LayerComparison | None,
    uneven: str | None,
) -> str:
    where = ""
    wrong = {each.run.delegates for each in faults}
    if wrong == {True} and own.outputs:
        where = " on XNNPACK, LiteRT's default kernels, though it does without them"
    if wrong == {False}:
        where = " on LiteRT's own kernels, though it does on XNNPACK, its default ones"
    if fault.gap is None:
        message = (
            f"The .tflite file gives outputs that are not finite{where}. "
            f"Received: output {fault.output!r}"
        )
    else:
        advice = "Please report it with the model."
        if uneven is not None:
            advice = uneven
        elif not is_float(target):
            advice = (
                "Give representative data like that of the application, or keep the "
                "layers at fault in float (layers of "
                "tfcompress.quantization.post_training)."
            )
        message = (
            f"The .tflite file does not do what the model does{where}. {advice} "
            f"Expected: {describe_tolerance(target)}. "
            f"Received: {describe_gap(fault.gap, target)}, at output {fault.output!r}"
        )
    first = layers.first_departure if layers is not None else None
    if first is None:
        return message
    return (
        f"{message}. The first layer that departs is {first.layer!r}: "
        f"{first.gap.sqnr_db:.1f} dB, after {first.inputs_sqnr_db:.1f} dB before it"
    )


def _same_class(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> float | None:
    (name, reference), *others = expected.items()
    if others or reference.ndim != 2 or reference.shape[-1] == 1:
        return None
    same = np.argmax(found[name], -1) == np.argmax(reference, -1)
    return float(same.mean())


def made_up_samples(signature: Signature, count: int) -> dict[str, np.ndarray]:
    """Makes inputs for a comparison where the user gives none: uniform from 0 to 1.

    Args:
        signature: The model's inputs. Axes of unknown size get the size 1.
        count: How many samples to make.

    Returns:
        An array for each input name, the same at each call. Whole-number inputs get
        zeros, for their range is not known.
    """
    generator = np.random.default_rng(0)
    samples = {}
    for name, spec in signature.inputs.items():
        shape = (count, *(size or 1 for size in spec.shape[1:]))
        dtype = spec.dtype.as_numpy_dtype
        values = generator.random(shape) if spec.dtype.is_floating else np.zeros(shape)
        samples[name] = values.astype(dtype)
    return samples
