"""Measures several models, each on its own file."""

import importlib.metadata
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress import export
from tfcompress.errors import ArgumentError
from tfcompress.measurement.agreement import share_agreement
from tfcompress.measurement.latency import Latency, latency
from tfcompress.measurement.machine import describe_machine
from tfcompress.measurement.prediction import Predictions, predict_each
from tfcompress.measurement.quality import score
from tfcompress.measurement.size import size
from tfcompress.measurement.subject import path_of
from tfcompress.measurement.weights import count_weights
from tfcompress.report.comparison import Comparison
from tfcompress.report.row import Row

_PACKAGES = (
    "tfcompress",
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
)


def compare(
    models: Mapping[str, Any],
    data: Any,
    *,
    reference: str | None = None,
    threads: int = 1,
    seconds: float = 1.0,
) -> Comparison:
    """Compares classifiers, each measured on its own `.tflite` file.

    A file is measured as it is. A Keras model is first written as a float file into a
    temporary folder, so that every number in the table is one of LiteRT.

    Args:
        models: Keras 3 or tf_keras models, artifacts, or paths of `.tflite` files, by
            the name that their row shall have.
        data: Inputs and labels to measure quality on, in a form that
            `tfcompress.data.batches` accepts; it is read once. It should not be what
            the models were trained on.
        reference: Name of the row that ratios and agreement refer to. Defaults to the
            first.
        threads: Threads that a run may use. Defaults to 1.
        seconds: Time to spend on measuring latency, for all rows together.

    Returns:
        The `Comparison`.

    Raises:
        ArgumentError: If there are no models, or none of the reference's name.
        DataError: If data is empty, has no labels, or does not fit a model.
        ExportError: If a Keras model cannot be written as a file.
        ModelError: If a model or file cannot be used, or if it has other classes than
            the reference.

    Example:
    ```python
    models = {"teacher": teacher, "shipped": "small.tflite"}
    comparison = tfc.report.compare(models, (x_test, y_test))
    print(comparison)
    ```
    """
    if not models:
        raise ArgumentError(f"Expected one model at least. Received: models={models}")
    reference = next(iter(models)) if reference is None else reference
    if reference not in models:
        raise ArgumentError(
            f"reference must be one of the models {list(models)}. "
            f"Received: reference={reference!r}"
        )
    with tempfile.TemporaryDirectory(prefix="tfcompress-") as folder:
        files = {
            name: path_of(model) or _write(model, Path(folder) / f"{number}.tflite")
            for number, (name, model) in enumerate(models.items())
        }
        predictions = dict(
            zip(
                files,
                predict_each(list(files.values()), data, threads=threads),
                strict=True,
            )
        )
        times = latency(files, threads=threads, seconds=seconds)
        rows = tuple(
            _measure(name, path, predictions[name], predictions[reference], times[name])
            for name, path in files.items()
        )
    return Comparison(
        rows=rows,
        reference=reference,
        machine=describe_machine(),
        samples=len(predictions[reference].scores),
        threads=threads,
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
    )


def _write(model: Any, path: Path) -> Path:
    return Path(os.fspath(export.to_tflite(model, path, target="cpu_float32")))


def _measure(
    name: str,
    path: Path,
    predictions: Predictions,
    reference: Predictions,
    time: Latency,
) -> Row:
    quality, weights, space = score(predictions), count_weights(path), size(path)
    return Row(
        name=name,
        quality={
            "accuracy": quality.accuracy,
            "macro_recall": quality.macro_recall,
            "macro_f1": quality.macro_f1,
        },
        parameters=weights.parameters,
        sparsity=weights.sparsity,
        bytes=space.bytes,
        gzip_bytes=space.gzip_bytes,
        latency_ms=time.median_ms,
        agreement=share_agreement(predictions, reference),
    )
