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
from tfcompress.errors import ExportError, ModelError, TFCompressError
from tfcompress.export.bisection import compare_layers
from tfcompress.export.gap import Gap, measure_gap, worst
from tfcompress.export.output_steps import read_output_steps
from tfcompress.export.signature import Signature
from tfcompress.export.targets import Target
from tfcompress.export.tolerance import describe_gap, describe_tolerance, is_tolerable
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
            200, which stands for no difference; see `tfcompress.export.gap.Gap`.
        steps: `largest_error` in steps of the file's quantized output, or None where
            the output is float.
        mean_steps: `mean_error` in such steps, or None.
        same_class: Share of samples in which the largest output is the same one, or
            None for a model with several outputs or a single column.
        without_delegates: How the outputs of LiteRT's default kernels, XNNPACK among
            them, compare with those of its own kernels alone, on a few of the samples.
            None where LiteRT's own kernels cannot run the file.
        outputs: How each output compares with the Keras model's, by name.
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
        model: The Keras model.
        signature: Its inputs and outputs, by name.
        target: What the file was made for; it decides how far the outputs may be from
            the model's, as `tfcompress.export.tolerance.is_tolerable` says.
        samples: Inputs by name, each of shape `(samples, ...)`. Of large ones no more
            are run than hold ten million numbers.
        key: Name of the file's signature, where it holds several.

    Returns:
        The comparison.

    Raises:
        ExportError: If the file does not run, gives numbers that are not finite, or
            differs by more than the tolerance. It names the kernels with which it does,
            and the first layer that departs.
    """
    samples = _limited(samples)
    expected = _run_model(model, signature, samples)
    check = _Check(Path(path), model, signature, target, key)
    own = check.run_own_kernels(samples, expected)
    found = check.run_default_kernels(samples, expected, runs_without=own is not None)
    check.refuse_faults(samples)
    outputs = {
        name: measure_gap(found[name], values, step=check.steps.get(name))
        for name, values in expected.items()
    }
    differences = [
        measure_gap(found[name][: len(values)], values, step=check.steps.get(name))
        for name, values in (own or {}).items()
    ]
    return Verification(
        samples=data_module.length(list(samples.values())),
        **dataclasses.asdict(worst(outputs.values())),
        same_class=_same_class(found, expected),
        without_delegates=worst(differences) if differences else None,
        outputs=outputs,
    )
