"""The one call for those who want no choices."""

import math
import os
import warnings
from numbers import Real
from pathlib import Path
from typing import Any

from tfcompress.data import Batch, is_whole, length
from tfcompress.errors import ArgumentError
from tfcompress.export import find_target
from tfcompress.files import temporary_path
from tfcompress.keras_compat import check_model
from tfcompress.measurement.quality.metric import find_metric
from tfcompress.pipeline.attempts import Attempts
from tfcompress.pipeline.compression_result import Compression
from tfcompress.pipeline.data_checks import check_data
from tfcompress.pipeline.ladder import (
    ANY_CPU,
    USUAL_EPOCHS,
    build_ladder,
    fit_pipeline,
    is_trained,
    limit_batches,
)
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.run_arguments import check_verbose
from tfcompress.pipeline.run_folder import RunFolder


def compress(
    model: Any,
    train: Any,
    validation: Any,
    *,
    max_bytes: int | None = None,
    max_latency_ms: float | None = None,
    max_drop: float | None = None,
    target: str | None = None,
    metric: Any = None,
    directory: str | os.PathLike[str] | None = None,
    epochs: int = USUAL_EPOCHS,
    seed: int = 0,
    verbose: int = 1,
) -> Compression:
    """Makes a model small enough, fast enough and good enough, the cheapest way.

    It climbs a ladder and stops at the first file that meets every demand: quantized
    after training; trained with the rounding and taught by the original, shortly and
    longer; with 20, 30, 50 and 70 % fewer channels, taught by the original; and last,
    where bytes are demanded and the device takes them, weights of 4 bits. Each way
    starts from the original. Targets that compute in float skip the rounding, and
    `cpu_sparse` has zeros in its place. If only quality is demanded, the network
    keeps its channels, for fewer make nothing better. A way that gives no file, such as
    one whose file does not do what the model does, is a row of the result with its
    reason, and the next is tried.

    Without a target the file is for any CPU: whole numbers first, as for `"cpu_int8"`,
    and beside them files that compute in float, which lose less. Of these, weights of 8
    bits (as small) and float16 (half the float file) stand before all that trains;
    fewer channels with weights of 8 bits behind those in whole numbers; and the float
    file is the last. A target that is named is kept to.

    Bytes and milliseconds hardly depend on what weights have learned. So where they are
    demanded each way is first exported untrained, and one that is too large or too slow
    is not trained, which the result says. If that leaves none, the nearest is trained.

    Without a demand the result is that of the recipe `balanced`, for the target; and
    where that gives no file or loses much, that of training with the rounding, or after
    training, or for any CPU in float. Much is more than 5 points of accuracy, of macro
    F1, or of R2 in hundredths. A warning says where the file has lost so much and no
    `max_drop` was demanded.

    Args:
        model: A built functional or Sequential model of either Keras, trained. It is
            not changed.
        train: Inputs and labels, in a form that `tfcompress.data.batches` accepts.
        validation: The same, on which files are measured. Not what the model was
            trained on.
        max_bytes: Bytes that the file may have.
        max_latency_ms: Milliseconds that one run of the file may take, on one thread of
            the CPU of this machine, whatever the target.
        max_drop: By how much the metric of the file may be below that of the original's
            own float file: 0.01 is one point of accuracy, or of R2 in hundredths. For a
            metric of which less is better, such as `"mae"`, it is the share by which it
            may rise: 0.05 is 5 %.
        target: Name of a target, or path of a TOML file that describes one. Defaults to
            None: any CPU, in whole numbers or in float.
        metric: Name of a metric of `measurement.evaluate`; `"class/accuracy"` is that
            of one of several outputs. Or a function of a file and data that returns a
            number, the larger the better. Defaults to `"accuracy"` for classes, to
            `"macro_f1"` for several labels at once, and to `"r2"` for real numbers.
        directory: Folder of this run: empty, missing, or of an earlier run. After a
            kill the same call goes on there, and with other demands it takes up what is
            done. Defaults to a temporary one, which goes when the process ends; `save`
            of the result keeps the file.
        epochs: How long a network trains after it lost a few channels; other trainings
            are in proportion. Defaults to 10.
        seed: Of everything that the trainings draw at random. Defaults to 0.
        verbose: As in `Pipeline.run`.

    Returns:
        The `Compression`: the file, whether it meets the demands or by how much it
        falls short of each, and the figures of all that was tried.

    Raises:
        ArgumentError: If a demand or another argument is outside what is allowed.
        DataError: If the data does not fit the model or the metric.
        ModelError: If the model cannot be used.
        ExportError: If no way gives a file for the target.
        OutputError: If the directory cannot be used.

    Example:
    ```python
    result = tfc.compress(model, (x, y), (x, y), max_bytes=20_000, epochs=1)
    print(result)
    print(result.met, dict(result.shortfall))
    ```
    """
    demands = _check_demands(max_bytes, max_latency_ms, max_drop)
    whole = isinstance(epochs, int) and not isinstance(epochs, bool)
    if not whole or epochs < 1:
        raise ArgumentError(
            f"epochs must be a whole number of 1 or more. Received: epochs={epochs!r}"
        )
    check_verbose(verbose)
    device = find_target(ANY_CPU if target is None else target)
    target = None if target is None else str(target)
    check_model(model)
    if metric is not None:
        find_metric(metric, model)
    ladder = build_ladder(
        target,
        device,
        epochs=epochs,
        smaller=bool({"max_bytes", "max_latency_ms"} & set(demands)),
        fewer_bytes="max_bytes" in demands,
        seed=seed,
    )
    if not demands:
        balanced = Pipeline.from_recipe("balanced")
        name = ANY_CPU if target is None else target
        ladder = (
            fit_pipeline(balanced, name, device, epochs=epochs, seed=seed),
            *(rung for rung in ladder if rung.name == "taught"),
            *(rung for rung in ladder if not is_trained(rung)),
        )
    place = temporary_path("run") if directory is None else Path(directory)
    with RunFolder(place) as folder:
        # Fewer samples than a batch train in smaller ones, so one is enough.
        check_data(model, train, validation, validation, batch_size=1)
        if is_whole(train):
            samples = length(Batch(*train).x)
            ladder = tuple(limit_batches(rung, samples) for rung in ladder)
        folder.create()
        attempts = Attempts(
            model,
            train,
            validation,
            demands=demands,
            metric=metric,
            directory=place,
            verbose=verbose,
        )
        attempts.climb(ladder)
        result = Compression(
            attempts=attempts.all,
            chosen=attempts.best,
            demands=demands,
            metric=attempts.metric,
            original=attempts.original,
            directory=None if directory is None else place,
        )
        result.to_json(place / "results.json")
    if result.loss is not None:
        warnings.warn(result.loss, stacklevel=2)
    return result


def _check_demands(
    max_bytes: Any, max_latency_ms: Any, max_drop: Any
) -> dict[str, float]:
    """Returns the demands that were made, by name."""
    demands: dict[str, float] = {}
    if max_bytes is not None:
        if not _is_number(max_bytes) or max_bytes < 1 or max_bytes % 1:
            raise ArgumentError(
                "max_bytes must be a whole number of bytes, 1 or more. "
                f"Received: max_bytes={max_bytes!r}"
            )
        demands["max_bytes"] = int(max_bytes)
    if max_latency_ms is not None:
        if not _is_number(max_latency_ms) or max_latency_ms <= 0:
            raise ArgumentError(
                "max_latency_ms must be a number of milliseconds above 0. "
                f"Received: max_latency_ms={max_latency_ms!r}"
            )
        demands["max_latency_ms"] = float(max_latency_ms)
    if max_drop is not None:
        if not _is_number(max_drop) or not 0 <= max_drop < 1:
            raise ArgumentError(
                "max_drop must be a share from 0 up to 1, such as 0.01 for a point of "
                f"accuracy. Received: max_drop={max_drop!r}"
            )
        demands["max_drop"] = float(max_drop)
    return demands


def _is_number(value: Any) -> bool:
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and math.isfinite(value)
