"""Does the file do what the model does? Run both, and compare."""

import dataclasses
import os
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress.errors import ExportError
from tfcompress.export.signature import Signature
from tfcompress.export.targets import Target
from tfcompress.measurement import LiteRTModel

FLOAT_TOLERANCE = 1e-3
FLOAT16_TOLERANCE = 5e-2


@dataclasses.dataclass(frozen=True)
class Verification:
    """How a file's outputs compare with the Keras model's, on the same inputs.

    Attributes:
        samples: How many inputs were compared.
        largest_error: The largest absolute difference of any output.
        relative_error: `largest_error`, as a share of the largest absolute output.
        steps: `largest_error` in steps of the file's quantized output, or None where
            the output is float.
        same_class: Share of samples in which the largest output is the same one, or
            None for a model with several outputs or a single column.
    """

    samples: int
    largest_error: float
    relative_error: float
    steps: float | None
    same_class: float | None


def verify(
    path: str | os.PathLike[str],
    model: Any,
    signature: Signature,
    target: Target,
    samples: dict[str, np.ndarray],
) -> Verification:
    """Runs a file and the model it came from on the same inputs.

    Args:
        path: The `.tflite` file.
        model: The Keras model.
        signature: Its inputs and outputs, by name.
        target: What the file was made for; it decides the tolerance. A float file may
            differ by a thousandth of the largest output, a float16 file by a
            twentieth. A full-integer file is measured, not judged.
        samples: Inputs by name, each of shape `(samples, ...)`.

    Returns:
        The comparison.

    Raises:
        ExportError: If the file does not run, gives numbers that are not finite, or
            differs by more than the tolerance.
    """
    file = LiteRTModel(path)
    inputs = {name: samples[name] for name in file.input_details}
    outputs = file.predict(inputs)
    if not isinstance(outputs, dict):
        outputs = {signature.outputs[0]: outputs}
    arguments = tf.nest.map_structure(
        lambda name: tf.constant(samples[name]), signature.structure
    )
    expected = dict(
        zip(
            signature.outputs,
            [
                tensor.numpy()
                for tensor in tf.nest.flatten(model(arguments, training=False))
            ],
            strict=True,
        )
    )
    largest = relative = 0.0
    steps: float | None = None
    for name, reference in expected.items():
        if not np.isfinite(outputs[name]).all():
            raise ExportError(
                "The .tflite file gives outputs that are not finite; export to "
                f"cpu_float32 to see whether the model does. Received: output {name!r}"
            )
        error = float(np.abs(outputs[name] - reference).max())
        largest = max(largest, error)
        relative = max(relative, error / max(float(np.abs(reference).max()), 1e-9))
        scale = file.output_details[name].scale
        if scale:
            steps = max(steps or 0.0, error / scale)
    tolerance = {"float32": FLOAT_TOLERANCE, "float16": FLOAT16_TOLERANCE}
    if relative > tolerance.get(target.weights, np.inf):
        raise ExportError(
            "The .tflite file does not do what the model does. Please report it with "
            f"the model. Expected: outputs within {tolerance[target.weights]:.1%} of "
            f"the largest. Received: {relative:.1%}"
        )
    reference = next(iter(expected.values()))
    classes = len(expected) == 1 and reference.ndim == 2 and reference.shape[-1] > 1
    same = np.argmax(outputs[signature.outputs[0]], -1) == np.argmax(reference, -1)
    return Verification(
        samples=data_module.length(list(samples.values())),
        largest_error=largest,
        relative_error=relative,
        steps=steps,
        same_class=float(same.mean()) if classes else None,
    )


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
