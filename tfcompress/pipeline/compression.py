"""The one call for those who want no choices."""

import math
import os
import warnings
from pathlib import Path
from typing import Annotated, Any

import tensorflow as tf

from tfcompress.data import batches, length
from tfcompress.errors import ArgumentError
from tfcompress.files import temporary_path
from tfcompress.keras_compat import check_model
from tfcompress.measurement import evaluate
from tfcompress.measurement.quality.metric import (
    AGREEMENT,
    find_metric,
    split_output,
)
from tfcompress.pipeline.attempts import Attempts
from tfcompress.pipeline.compression_result import Compression
from tfcompress.pipeline.data_checks import check_stages_data
from tfcompress.pipeline.fields import Drop, Positive, Range, check_value
from tfcompress.pipeline.ladder import build_ladder, fit_training
from tfcompress.pipeline.named_labels import name_labels
from tfcompress.pipeline.run_arguments import check_run_arguments
from tfcompress.pipeline.run_folder import RunFolder
from tfcompress.pipeline.shipping import REPORT, RESULTS
from tfcompress.pipeline.training import Training

_DEMANDS = {
    "max_bytes": Annotated[float, Range(1)],
    "max_latency_ms": Positive,
    "max_drop": Drop,
}


def compress(
    model: Any,
    train: Any,
    validation: Any,
    *,
    max_bytes: int | None = None,
    max_latency_ms: float | None = None,
    max_drop: float | None = None,
    target: str | os.PathLike[str] | None = None,
    metric: Any = None,
    training: Training | None = None,
    directory: str | os.PathLike[str] | None = None,
    strategy: Any = None,
    seed: int = 0,
    verbose: int = 1,
) -> Compression:
    """Makes a model small enough, fast enough and good enough, the cheapest way.

    It climbs a ladder: quantized after training; trained with the rounding and taught
    by the original, shortly and longer; with 20, 30, 50 and 70 % fewer channels, taught
    by the original; and last, where bytes are demanded and the device takes them,
    weights of 4 bits. Each way starts from the original. Targets that compute in float
    skip the rounding, and `cpu_sparse` has zeros in its place. If only quality is
    demanded, the network keeps its channels, for fewer make nothing better. A way that
    gives no file, such as one whose file does not do what the model does, is a row of
    the result with its reason, and the next is tried.

    It stops at the first file that meets every demand. Without `max_drop` one that has
    lost more than 5 points of accuracy, of macro F1, or of R2 in hundredths is not
    enough: behind it the ways are tried that take no more from the network, and the
    best of all that meets the demands is returned, with a warning if it has lost as
    much too.

    Without a target the file is for any CPU: whole numbers first, as for `"cpu_int8"`,
    and beside them files that compute in float, which lose less. Of these, weights of 8
    bits (as small) and float16 (half the float file) stand before all that trains;
    fewer channels with weights of 8 bits behind those in whole numbers; and the float
    file is the last. A target that is named is kept to.

    Bytes and milliseconds hardly depend on what weights have learned. So where they are
    demanded each way is first exported untrained, and one that is too large or too slow
    is not trained, which the result says. If that leaves none, the nearest is trained,
    or the next where that gives no file.

    Without a demand the recipe `balanced` is tried first, for the target; then training
    with the rounding, and what does not train.

    Beside the three demands there are seven settings; all have defaults.

    Args:
        model: A built functional or Sequential model of either Keras, trained. It is
            not changed.
        train: Inputs and labels, in a form that `tfcompress.data.batches` accepts; of
            arrays as many samples as a batch has, at the least.
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
            `"macro_f1"` for several labels at once, and to `"r2"` for real numbers; of
            several outputs to the mean of theirs.
        training: How a network trains after it lost a few channels: epochs, batch size,
            learning rate and so on. Other trainings are in proportion: longer where
            more channels went, with the rounding at a tenth of the learning rate.
            Defaults to `Training()`: 10 epochs, a learning rate of 1e-3.
        directory: Folder of this run: empty, missing, or of an earlier run. After a
            kill the same call goes on there, and with other demands it takes up what is
            done. It holds `results.json` and `report.html`, with all files side by
            side. Defaults to a temporary one, which goes when the process ends; `save`
            of the result keeps the file.
        strategy: A `tf.distribute.Strategy` of this process to train under, or None.
        seed: Of everything that the trainings draw at random. Defaults to 0.
        verbose: 1 for a line a stage and a way on standard error, 0 for silence.
            Defaults to 1.

    Returns:
        The `Compression`: the file, whether it meets the demands or by how much it
        falls short of each, and the figures of all that was tried.

    Raises:
        ArgumentError: If a demand or another argument is outside what is allowed.
        DataError: If the data does not fit the model or the metric, or is of fewer
            samples than a batch.
        ModelError: If the model cannot be used.
        ExportError: If no way gives a file for the target.
        OutputError: If the directory cannot be used.

    Example:
    ```python
    short = tfc.pipeline.Training(epochs=1)
    result = tfc.compress(model, (x, y), (x, y), max_bytes=20_000, training=short)
    print(result)
    print(result.met, dict(result.shortfall))
    ```
    """
    given = dict(max_bytes=max_bytes, max_latency_ms=max_latency_ms, max_drop=max_drop)
    demands = {
        name: check_value(value, _DEMANDS[name], name)
        for name, value in given.items()
        if value is not None
    }
    if "max_bytes" in demands:
        demands["max_bytes"] = math.floor(demands["max_bytes"])
    training = Training() if training is None else training
    _check_settings(target, training, strategy)
    check_run_arguments(directory or "run", strategy, verbose)
    check_model(model)
    if metric is not None:
        find_metric(metric, model)
    ladder = build_ladder(None if target is None else os.fspath(target), demands)
    place = temporary_path("run") if directory is None else Path(directory)
    with RunFolder(place) as folder:
        rungs = [fit_training(rung, training, seed=seed) for rung in ladder]
        stages = [stage for rung in rungs for stage in rung.stages]
        check_stages_data(stages, model, train, validation, validation)
        if isinstance(metric, str) and metric != AGREEMENT:
            measured_on = name_labels(model, validation)
            evaluate(model, measured_on, split_output(metric))
        folder.create()
        attempts = Attempts(
            model,
            train,
            validation,
            demands=demands,
            metric=metric,
            directory=place,
            strategy=strategy,
            verbose=verbose,
        )
        attempts.climb(rungs)
        result = Compression(
            attempts=attempts.all,
            chosen=attempts.best,
            original=attempts.original,
            demands=demands,
            metric=attempts.metric,
            lower_is_better=attempts.lower_is_better,
            samples=sum(length(batch.x) for batch in batches(validation)),
            directory=None if directory is None else place,
        )
        result.to_json(place / RESULTS)
        if directory is not None:
            _write_page(result, place / REPORT)
    if result.loss is not None:
        warnings.warn(result.loss, stacklevel=2)
    return result


def _write_page(result: Compression, path: Path) -> None:
    files = [each for each in result.attempts if each.artifact is not None]
    result.comparison.to_html(
        path,
        title=f"All ways of {path.parent.name}",
        notes={each.name: ", then ".join(each.pipeline.names) for each in files},
    )


def _check_settings(target: Any, training: Any, strategy: Any) -> None:
    if not isinstance(target, str | os.PathLike | None):
        raise ArgumentError(
            "target must be the name of a target, or the path of a TOML file that "
            f"describes one. Received: target={target!r}"
        )
    if not isinstance(training, Training):
        raise ArgumentError(
            "training must be a Training, such as Training(epochs=5). "
            f"Received: training={training!r}"
        )
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ArgumentError(
            "Several workers run the pipeline of a recipe; what compress tries depends "
            "on what it measures, in one process. Received: a "
            "MultiWorkerMirroredStrategy"
        )
