"""How well a model does its job."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.metrics import (
    Measure,
    QualityMetric,
    confusion_matrix,
)
from tfcompress.measurement.quality.asked_metrics import MATRIX, AskedMetrics
from tfcompress.measurement.quality.bootstrap import bootstrap, check_bootstrap
from tfcompress.measurement.quality.labels import check_labelled
from tfcompress.measurement.quality.outputs import ONLY
from tfcompress.measurement.quality.prediction import Predictions, predict_each
from tfcompress.printing import to_text


@dataclasses.dataclass(frozen=True, eq=False)
class Quality:
    """Quality of a model on one data set; prints itself as a table.

    `quality["macro_f1"]` is a number of `values`.

    Attributes:
        values: Each metric by name, in the order in which they were asked for. Metrics
            of a model with several outputs are named after these, as
            `"class/accuracy"`.
        samples: Number of samples.
        intervals: Lower and upper end of the confidence interval of each metric, by
            the same names; empty if none were asked for.
        confidence: The confidence of the intervals, or None.
        confusion_matrix: How often each class (row) is taken for each (column), if it
            was asked for; a dict of them by output for a model with several outputs.
        lower_is_better: The metrics in `values` of which the smaller number is the
            better one.
    """

    values: Mapping[str, float]
    samples: int
    intervals: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    confidence: float | None = None
    confusion_matrix: Any = None
    lower_is_better: tuple[str, ...] = ()

    def __getitem__(self, metric: str) -> float:
        """Returns a metric by its name.

        Raises:
            ArgumentError: If it was not measured.
        """
        if metric not in self.values:
            raise ArgumentError(
                "A metric can be read if it was measured; ask for it by "
                f"evaluate(..., metrics=[{metric!r}]). "
                f"Received: {metric!r}, while {list(self.values)} were measured"
            )
        return self.values[metric]

    @property
    def accuracy(self) -> float:
        """Share of samples whose class is right, 0 to 1."""
        return self["accuracy"]

    @property
    def macro_recall(self) -> float:
        """Mean over classes of the share of a class that is found."""
        return self["macro_recall"]

    @property
    def macro_f1(self) -> float:
        """Mean over classes of F1, the harmonic mean of precision and recall."""
        return self["macro_f1"]

    def __str__(self) -> str:
        """Returns the table that `print` shows."""
        measured = f"Measured on {self.samples:,} samples."
        if not self.values:
            return f"{measured} The counts are in confusion_matrix."
        table = Table("metric", "value")
        if self.intervals:
            table.add_column(f"{self.confidence:.0%} interval")
        for name, value in self.values.items():
            ends = self.intervals.get(name)
            interval = [] if ends is None else [f"{ends[0]:.4f} to {ends[1]:.4f}"]
            table.add_row(name, f"{value:.4f}", *interval)
        return to_text(table, measured)


def evaluate(
    model_or_file: Any,
    data: Any,
    metrics: Any = None,
    *,
    batch_size: int = 256,
    threads: int = 1,
    confidence: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Quality:
    """Measures a model on labelled data.

    A `.tflite` file is run on LiteRT, so the numbers are those of what ships. Macro
    means run over the classes that occur in the labels, so that all models are measured
    on the same classes; scikit-learn's default adds classes that were only predicted.

    Args:
        model_or_file: As in `predict`.
        data: Inputs, labels and, if there are any, sample weights, as in `predict`. A
            model of one output has two classes if the labels are 0 and 1; see
            `Predictions.classes` for the threshold. Weights count in every metric; a
            weight of 0 leaves out padding, whatever its label.
        metrics: What is measured, one or several of these. By name: `"accuracy"`,
            `"top_5_accuracy"` with any number for 5, `"macro_precision"`,
            `"micro_precision"`, `"weighted_precision"`, the same of `recall` and
            `f1`, `"roc_auc"`, `"expected_calibration_error"`, `"mean_iou"`,
            `"perplexity"`, `"confusion_matrix"`; for labels that are real numbers
            `"mae"`, `"rmse"`, `"r2"`. A function such as those of scikit-learn, called
            as `function(y_true, y_pred)` with the chosen classes or real numbers, or
            with probabilities if its second argument is named `y_score`, `y_proba` or
            `y_prob`. A metric object of either Keras, which gets the labels as they
            are and the scores. For a model with several outputs a dict of these by
            output, or what is measured of every output that has labels. Defaults to
            accuracy, macro recall and macro F1 for labels that name classes, and to
            MAE, RMSE and R2 for real numbers.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for a `.tflite` file.
        confidence: Confidence of percentile bootstrap intervals over the samples, such
            as 0.95. Defaults to None, for none. Seconds for 10,000 samples, but minutes
            for functions and Keras's metrics, which are computed anew for each
            resample.
        resamples: How often the bootstrap draws.
        seed: Seed of the bootstrap.

    Returns:
        The `Quality`.

    Raises:
        ArgumentError: If a metric is not known, or another argument is outside what is
            allowed.
        DataError: If data is empty, has no labels, or does not fit the model or a
            metric.
        ModelError: If the model or file cannot be used.

    Example:
    ```python
    quality = tfc.measurement.evaluate("small.tflite", (images, labels))
    print(quality.accuracy)

    metrics = ["accuracy", "expected_calibration_error"]
    print(tfc.measurement.evaluate(model, (images, labels), metrics, confidence=0.95))
    ```
    """
    asked = AskedMetrics(metrics)
    if confidence is not None:
        check_bootstrap(confidence, resamples)
    check_labelled(data)
    (said,) = predict_each(
        [model_or_file],
        data,
        batch_size=batch_size,
        threads=threads,
        kinds=asked.kinds,
    )
    return score(said, metrics, confidence=confidence, resamples=resamples, seed=seed)


def score(
    predictions: Predictions | Mapping[str, Predictions],
    metrics: Any = None,
    *,
    confidence: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Quality:
    """Computes the quality of predictions that are there already.

    Macro means run over the classes that occur in the labels, so that all models are
    measured on the same classes. A class that is never predicted has an F1 of 0.

    Args:
        predictions: What `predict` returned.
        metrics: As in `evaluate`.
        confidence: As in `evaluate`.
        resamples: As in `evaluate`.
        seed: As in `evaluate`.

    Returns:
        The `Quality`.

    Raises:
        ArgumentError: As `evaluate` does.
        DataError: If there are no labels, or they do not fit a metric.

    Example:
    ```python
    predictions = tfc.measurement.predict(model, (images, labels))
    quality = score(predictions, ["accuracy", "confusion_matrix"])
    ```
    """
    asked = AskedMetrics(metrics)
    outputs = (
        {ONLY: predictions}
        if isinstance(predictions, Predictions)
        else dict(predictions)
    )
    measures: dict[str, tuple[QualityMetric, Measure]] = {}
    matrices: dict[str, np.ndarray] = {}
    for output in asked.order(outputs):
        part = outputs[output]
        for metric in asked.of(output, part):
            if metric == MATRIX:
                matrices[output] = confusion_matrix(part)
            else:
                name = f"{output}/{metric.name}" if output else metric.name
                measures[name] = metric, _prepare(metric, part, output)
    if not measures and not matrices:
        raise DataError(
            "Labels are needed to measure quality; pass (x, y). Received: x alone"
        )
    samples = len(next(iter(outputs.values())).scores)
    once = np.ones(samples)
    values = {}
    for name, (metric, measure) in measures.items():
        values[name] = measure(once)
        if not np.isfinite(values[name]):
            raise DataError(
                f"Metric {name!r} is not defined for these data; it needs "
                f"{metric.needs}. Received: {values[name]} for {samples} samples"
            )
    intervals = {}
    if confidence is not None:
        intervals = bootstrap(
            {name: measure for name, (_, measure) in measures.items()},
            samples,
            confidence=confidence,
            resamples=resamples,
            seed=seed,
        )
    matrix = matrices.get(ONLY, matrices or None)
    lower = [name for name, (each, _) in measures.items() if not each.larger_is_better]
    return Quality(values, samples, intervals, confidence, matrix, tuple(lower))


def label_kinds(metrics: Any) -> dict[str, str | None] | str | None:
    """Returns what metrics take the labels for, so that predictions fit them.

    Args:
        metrics: As in `evaluate`.

    Returns:
        The `kinds` for `predict_each`.

    Raises:
        ArgumentError: If a metric is not known.

    Example:
    ```python
    kinds = label_kinds(["accuracy"])
    (said,) = tfc.measurement.predict_each([model], (x, y), kinds=kinds)
    ```
    """
    return AskedMetrics(metrics).kinds


def _prepare(metric: QualityMetric, predictions: Predictions, output: str) -> Measure:
    if predictions.kind in metric.kinds:
        return metric.prepare(predictions)
    labels = np.asarray(predictions.labels)
    if metric.kinds == ("values",) and labels.size == predictions.scores.size:
        values = labels.reshape(predictions.scores.shape).astype(np.float64)
        return metric.prepare(dataclasses.replace(predictions, labels=values))
    advice = "" if output == ONLY else "; give metrics as a dict by output"
    raise DataError(
        f"Metric {metric.name!r} takes labels that are {_DESCRIBED[metric.kinds[0]]}"
        f"{advice}. "
        f"Received: labels that are {_DESCRIBED[predictions.kind or 'values']}, for "
        f"outputs of shape {predictions.scores.shape}"
        + f" of {output!r}"
        * (output != ONLY)
    )


_DESCRIBED = {
    "classes": "class numbers or one-hot",
    "multi_label": "zeros and ones for several classes at once",
    "values": "real numbers, one for each output",
}
