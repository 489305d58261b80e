"""How many bits each layer of a file gets, by measuring."""

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.export.destination import check_path
from tfcompress.files import write_atomically
from tfcompress.measurement.quality.metric import Metric
from tfcompress.quantization.layer_outputs import read_inputs
from tfcompress.search.bit_allocation import BitAllocation, read_budget
from tfcompress.search.bit_choice import USUAL
from tfcompress.search.bit_ladder import BitLadder, Choices
from tfcompress.search.bit_width_result import BitWidths, Rung
from tfcompress.search.file_meter import FileMeter
from tfcompress.search.fingerprints import fingerprint_data, fingerprint_graph
from tfcompress.search.flat_model import FlatModel
from tfcompress.search.measurement_cache import MeasurementCache
from tfcompress.search.rounded_training import check_fine_tune

_SCHEMES = ("int8", "int8_float_io")
_SAMPLES = 256  # On which the noise of each choice is measured.
_CORRECTIONS = 8


def bit_width(
    model: Any,
    data: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    budget: float | None = None,
    max_drop: float | None = None,
    train: Any = None,
    fine_tune: Any = None,
    metric: str | Metric = "accuracy",
    scheme: str = "int8",
    cache: str | os.PathLike[str] | None = None,
) -> BitWidths:
    """Writes the file that is within a number of bytes, or loses little enough.

    With a budget, the bits (int8, int4, float16), the granularity (a scale for each
    output channel or for the whole weight) and the range method (from the least to the
    greatest weight, or the least squared error) of each convolution and Dense layer are
    chosen so that the file is within it and the layers together bring the least noise
    into the outputs. Each choice is measured alone, once; see `BitAllocation` for the
    papers. A layer is left in float16 only where int8 hurts it.

    With `max_drop`, files are written from the cheapest way to the dearest, each is
    measured on LiteRT, and the first that meets it is taken: int8 after training; the
    same with channels equalized and biases corrected; 1, 2, 4, ... of the layers that
    `quantization.analyze` puts first in float16; quantization-aware training, taught
    by the float model. The order is that of Nagel et al., "A White Paper on Neural
    Network Quantization", 2021, https://arxiv.org/abs/2106.08295, sections 3.7 and 4.

    With both, files have the bits of the budget and climb until one loses little.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed.
        data: Inputs and labels, in a form that `tfcompress.data.batches` accepts, on
            which files are measured. The model should not have been trained on it.
        path: Where the chosen file is to be written; its name must end in `.tflite`.
            None, the default, leaves it in a temporary folder that is removed when the
            process ends.
        budget: Bytes that the file may have: a whole number, or a share in (0, 1) of
            those of the float file.
        max_drop: How much less the metric may be than for the float file, such as 0.01
            for a point of accuracy.
        train: Data to train on; labels in it are not used. Ranges of activations are
            learned from its first samples, or else from those of `data`. Without it
            nothing is trained, and the result says so.
        fine_tune: How to train: a mapping that may hold `epochs` (3), `optimizer`
            (Adam, 1e-4), `batch_size` (32) and `callbacks`.
        metric: The name of a metric of `measurement.evaluate`, such as `"accuracy"`,
            `"mean_iou"` or, of one of several outputs, `"age/mae"`; of errors the
            negative is measured, so that the larger is the better; `"agreement"` with
            the float file, which needs no labels; or a function that takes the path of
            a `.tflite` file and the data and returns a number, the larger the better.
        scheme: `"int8"`, int8 in and out, the default, or `"int8_float_io"`.
        cache: A file in which the noise of each choice is kept, as lines of JSON, so
            that a search that was interrupted goes on. Measurements of another model or
            other data in it are not used.

    Returns:
        The `BitWidths`, which prints itself: each rung that was measured, and the
        `artifact`. Where none meets what was asked for, `met` is False, the best file
        is chosen and a warning says so.

    Raises:
        ArgumentError: If neither budget nor `max_drop` is given, if an argument is
            outside what is allowed, or no choice of bits is within the budget.
        ModelError: If the model cannot be used, or has no layer with weights to round.
        DataError: If data is empty or not finite, does not fit the model, or has no
            labels for a metric that needs them.
        ExportError: If the model cannot be converted.
        OutputError: If a file cannot be written.

    Example:
    ```python
    result = tfc.search.bit_width(model, (x, y), budget=0.5)
    print(result)
    print(result.artifact.bytes, result.met)
    ```
    """
    if budget is None and max_drop is None:
        raise ArgumentError(
            "Give a budget of bytes, max_drop, or both. "
            "Received: budget=None, max_drop=None"
        )
    if scheme not in _SCHEMES:
        raise ArgumentError(
            f"scheme must be one of {list(_SCHEMES)}. Received: scheme={scheme!r}"
        )
    max_drop = _check_drop(max_drop)
    if budget is not None:
        read_budget(budget, 2)
    fine_tune = check_fine_tune(fine_tune)
    if path is not None:
        path = check_path(path)
    flat = FlatModel(model)
    inputs = read_inputs(flat.model, data, samples=_SAMPLES)
    meter = FileMeter(flat.float_file, data, metric)
    limit = None if budget is None else read_budget(budget, flat.float_file.bytes)
    representative = data if train is None else train

    allocate: Callable[[FlatModel], Choices] = _usual
    if limit is not None:
        fingerprint = {}
        if cache is not None:
            fingerprint["model"] = fingerprint_graph(flat.graph)
            fingerprint["data"] = fingerprint_data(lambda: inputs)
        known = MeasurementCache(cache, {"search": "bit_width", **fingerprint})
        allocate = functools.partial(
            _within,
            allocation=BitAllocation(flat, inputs, known),
            limit=limit,
            scheme=scheme,
            representative=representative,
        )
    ladder = BitLadder(
        flat=flat,
        data=data,
        representative=representative,
        meter=meter,
        allocate=allocate,
        scheme=scheme,
        budget=limit,
        max_drop=max_drop,
        train=train,
        fine_tune=fine_tune,
    )
    rungs = []
    for rung in ladder.climb():
        rungs.append(rung)
        if rung.met:
            break
    chosen = _best(rungs, limit)
    if path is not None and chosen.artifact is not None:
        write_atomically(path, chosen.artifact.path.read_bytes())
        artifact = dataclasses.replace(chosen.artifact, path=path)
        rungs[rungs.index(chosen)] = chosen = dataclasses.replace(
            chosen, artifact=artifact
        )
    result = BitWidths(
        rungs=tuple(rungs),
        chosen=chosen,
        metric=meter.name,
        baseline=meter.baseline,
        float_bytes=flat.float_file.bytes,
        budget=limit,
        max_drop=max_drop,
    )
    for note in result.artifact.notes:
        warnings.warn(f"{result.artifact.path}: {note}", stacklevel=2)
    if not result.met:
        warnings.warn(result.describe(), stacklevel=2)
    return result


def _check_drop(max_drop: Any) -> float | None:
    if max_drop is None:
        return None
    number = isinstance(max_drop, Real) and not isinstance(max_drop, bool)
    if not number or not 0 <= max_drop < 1:
        raise ArgumentError(
            "max_drop must be a number from 0 to 1, without 1, such as 0.01 for a "
            f"point of accuracy. Received: max_drop={max_drop!r}"
        )
    return float(max_drop)


def _best(rungs: Sequence[Rung], budget: int | None) -> Rung:
    """Returns the rung that meets what was asked for, or else comes nearest to it."""

    def worth(rung: Rung) -> tuple[bool, bool, float, int]:
        size = rung.bytes or 0
        within = budget is None or size <= budget
        quality = float("-inf") if rung.quality is None else rung.quality
        return rung.met, within, quality, -size

    return max((rung for rung in rungs if rung.artifact is not None), key=worth)


def _usual(flat: FlatModel) -> Choices:
    return dict.fromkeys(flat.names, USUAL)


def _within(
    flat: FlatModel,
    *,
    allocation: BitAllocation,
    limit: int,
    scheme: str,
    representative: Any,
) -> Choices:
    """Returns the choices of the least noise whose file is within a number of bytes.

    What a choice saves is known by estimate, so more or less is asked for until the
    true size fits.
    """

    def size(choices: Choices) -> int:
        file = flat.write(choices, scheme=scheme, representative=representative)
        return file.bytes

    saving = float(size(_usual(flat)) - limit)
    too_little, found = float("-inf"), None
    for _ in range(_CORRECTIONS):
        choices = allocation.choose(flat, saving)
        over = size(choices) - limit
        if over <= 0:
            found = choices
            break
        too_little, saving = saving, saving + over
    # What was asked for last may be far more than is needed.
    for _ in range(_CORRECTIONS if found and too_little > float("-inf") else 0):
        middle = (too_little + saving) / 2
        choices = allocation.choose(flat, middle)
        if choices == found:
            saving = middle
        elif size(choices) <= limit:
            found, saving = choices, middle
        else:
            too_little = middle
    if found is not None:
        return found
    choices = allocation.choose(flat, float("inf"))
    smallest = size(choices)
    if smallest <= limit:
        return choices
    raise ArgumentError(
        "No choice of bits is within the budget; give a larger one, or a smaller "
        f"model. Received: a budget of {limit:,} bytes; the smallest file has "
        f"{smallest:,}"
    )
