"""Measures several models, each on its own file."""

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcompress import export
from tfcompress.data import Batch, first
from tfcompress.errors import ArgumentError, TFCompressError
from tfcompress.measurement.cost.size import size
from tfcompress.measurement.cost.weights import count_weights
from tfcompress.measurement.files.runtime import LiteRTModel
from tfcompress.measurement.files.subject import path_of
from tfcompress.measurement.quality.bootstrap import check_bootstrap
from tfcompress.measurement.quality.prediction import predict_each
from tfcompress.measurement.quality.quality import Quality, label_kinds, score
from tfcompress.measurement.speed.latency import latency
from tfcompress.measurement.speed.machine import describe_machine
from tfcompress.measurement.speed.versions import versions
from tfcompress.report.comparison import Comparison
from tfcompress.report.naming_rows import naming_row
from tfcompress.report.origin import describe_origin
from tfcompress.report.row import Row
from tfcompress.report.seeing import check_same_task, see_details, share_of_agreement
from tfcompress.report.seen_inputs import SeenInputs

_PACKAGES = (
    "tfcompress",
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
)
_RESAMPLES = 1000


def compare(
    models: Mapping[str, Any],
    data: Any,
    *,
    metrics: Any = None,
    reference: str | None = None,
    threads: int = 1,
    seconds: float = 1.0,
    confidence: float | None = None,
    class_names: Sequence[str] | None = None,
) -> Comparison:
    """Compares models of one task, each measured on its own `.tflite` file.

    A file is measured as it is. A Keras model is first written as a float file into a
    temporary folder, so that every number in the table is one of LiteRT.

    Args:
        models: Keras 3 or tf_keras models, artifacts, or paths of `.tflite` files, by
            the name that their row shall have. `LiteRTModel(path, signature=...)` says
            which of several signatures of a file is meant. The last is taken for the
            one that ships: a page shows how it differs from the reference.
        data: Inputs, labels and, if there are any, sample weights to measure quality
            on, in a form that `tfcompress.data.batches` accepts; it is read once,
            and where a model fails on it, the first batch again to name the row at
            fault. It should not be what the models were trained on.
        metrics: What quality is, as in `tfcompress.measurement.evaluate`. Plots and the
            Pareto front go by the first. Defaults to accuracy, macro recall and macro
            F1 for labels that name classes, and to MAE, RMSE and R2 for real numbers.
        reference: Name of the row that ratios and agreement refer to. Defaults to the
            first.
        threads: Threads that a run may use. Defaults to 1.
        seconds: Time to spend on measuring latency, for all rows together.
        confidence: Confidence of the bootstrap intervals of the metrics, such as 0.95.
            Defaults to None, for none.
        class_names: What the classes are called, in the order of their numbers.
            Defaults to the labels in the metadata of a file, or to the numbers.

    Returns:
        The `Comparison`.

    Raises:
        ArgumentError: If models have no names or there are none, if none has the
            reference's name, or if another argument is outside what is allowed.
        DataError: If data is empty, has no labels, or does not fit a model or a metric.
        ExportError: If a Keras model cannot be written as a file.
        ModelError: If a model or file cannot be used, or if it has other outputs or
            classes than the reference. Errors of one model name its row.

    Example:
    ```python
    models = {"teacher": teacher, "shipped": "small.tflite"}
    comparison = tfc.report.compare(models, (x_test, y_test))
    print(comparison)
    ```
    """
    _check_models(models)
    reference = next(iter(models)) if reference is None else reference
    if reference not in models:
        raise ArgumentError(
            f"reference must be one of the models {list(models)}. "
            f"Received: reference={reference!r}"
        )
    whole = isinstance(threads, int) and not isinstance(threads, bool)
    if not 0 < seconds < math.inf or not whole or threads < 1:
        raise ArgumentError(
            "seconds must be above 0 and finite, threads a whole number of 1 or more. "
            f"Received: seconds={seconds}, threads={threads}"
        )
    if confidence is not None:
        check_bootstrap(confidence, _RESAMPLES)
    kinds = label_kinds(metrics)
    with tempfile.TemporaryDirectory(prefix="tfcompress-") as folder:
        files = _files(models, Path(folder))
        run = {
            name: models[name] if isinstance(models[name], LiteRTModel) else path
            for name, path in files.items()
        }
        inputs = SeenInputs(data)
        try:
            said = predict_each(
                list(run.values()), inputs, threads=threads, kinds=kinds
            )
        except TFCompressError:
            _blame(run, first(data), threads, kinds)
            raise
        predictions = dict(zip(files, said, strict=True))
        qualities = {}
        for name, each in predictions.items():
            with naming_row(name):
                check_same_task(each, predictions[reference])
                qualities[name] = score(
                    each, metrics, confidence=confidence, resamples=_RESAMPLES
                )
                _check_metrics(qualities[name], qualities[next(iter(files))])
        details = see_details(files, predictions, reference, inputs, class_names)
        times = latency(run, threads=threads, seconds=seconds)
        rows = []
        for name, path in files.items():
            target, made = describe_origin(models[name])
            weights, space = count_weights(path), size(path)
            rows.append(
                Row(
                    name=name,
                    quality=qualities[name].values,
                    parameters=weights.parameters,
                    sparsity=weights.sparsity,
                    bytes=space.bytes,
                    gzip_bytes=space.gzip_bytes,
                    latency_ms=times[name].median_ms,
                    agreement=share_of_agreement(
                        predictions[name], predictions[reference]
                    ),
                    intervals=qualities[name].intervals,
                    target=target,
                    made=made,
                )
            )
    return Comparison(
        rows=tuple(rows),
        reference=reference,
        machine=describe_machine(),
        samples=qualities[reference].samples,
        threads=threads,
        versions=versions(_PACKAGES),
        lower_is_better=qualities[reference].lower_is_better,
        confidence=confidence,
        details=details,
    )


def _check_models(models: Any) -> None:
    named = isinstance(models, Mapping) and all(isinstance(n, str) for n in models)
    if not named or not models:
        raise ArgumentError(
            "models must be one model at least, each by the name of its row, such as "
            f"{{'teacher': teacher, 'shipped': artifact}}. Received: models={models}"
        )


def _files(models: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    files = {}
    for number, (name, model) in enumerate(models.items()):
        with naming_row(name):
            path = path_of(model)
            if path is None:
                path = folder / f"{number}.tflite"
                export.to_tflite(model, os.fspath(path), target="cpu_float32")
            files[name] = path
    return files


def _blame(run: Mapping[str, Any], batch: Batch, threads: int, kinds: Any) -> None:
    """Raises the error of the first row that fails on a batch, if one does."""
    for name, model in run.items():
        with naming_row(name):
            predict_each([model], batch, threads=threads, kinds=kinds)


def _check_metrics(quality: Quality, other: Quality) -> None:
    if not quality.values:
        raise ArgumentError(
            "metrics must hold one at least that is a number; the confusion matrices "
            "stand in the page anyway. Received: confusion matrices only"
        )
    if list(quality.values) != list(other.values):
        raise ArgumentError(
            "All models must be measured by the same metrics, which their labels "
            f"decide; give metrics. Received: {list(quality.values)}, and of another "
            f"row {list(other.values)}"
        )
