"""What models say about data: scores, chosen classes, and the labels beside them."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcompress.data import batches, check_finite, check_labels, describe
from tfcompress.errors import DataError, ModelError
from tfcompress.measurement.runtime import LiteRTModel
from tfcompress.measurement.subject import path_of


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of one model on one data set, sample by sample.

    Attributes:
        scores: The model's output, float array of shape `(samples, outputs)`.
        labels: Class numbers of shape `(samples,)`, int64, or None if the data has
            none.
    """

    scores: np.ndarray
    labels: np.ndarray | None

    @property
    def classes(self) -> np.ndarray:
        """The class that the model chooses for each sample, int64 `(samples,)`.

        With two outputs or more, the one with the largest score, the first of them
        if several are equal. With one output, class 1 above a threshold: 0.5 if all
        scores lie within 0 and 1, for they are probabilities then, and 0 if not, for
        they are logits.
        """
        if self.scores.shape[1] > 1:
            return np.argmax(self.scores, axis=1)
        column = self.scores[:, 0]
        probabilities = column.min() >= 0.0 and column.max() <= 1.0
        return (column > (0.5 if probabilities else 0.0)).astype(np.int64)


def predict(
    model_or_file: Any, data: Any, *, batch_size: int = 256, threads: int = 1
) -> Predictions:
    """Runs a classifier on data.

    Args:
        model_or_file: A built Keras 3 or tf_keras model with one output, or the path
            of a `.tflite` file, which is run on LiteRT.
        data: Data in a form that `tfcompress.data.batches` accepts. Labels are class
            numbers of shape `(samples,)` or `(samples, 1)`, or one-hot; sample
            weights are not used.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for a `.tflite` file.

    Returns:
        The `Predictions`.

    Raises:
        DataError: If data is empty or not finite, if it does not fit the model, or if
            labels name none of its classes.
        ModelError: If the model or file cannot be used, or gives other than one
            finite output of shape `(samples, outputs)`.

    Example:
    ```python
    predictions = tfc.measurement.predict("small.tflite", (images, labels))
    right = predictions.classes == predictions.labels
    ```
    """
    return predict_each([model_or_file], data, batch_size=batch_size, threads=threads)[
        0
    ]


def predict_each(
    models: Sequence[Any], data: Any, *, batch_size: int = 256, threads: int = 1
) -> list[Predictions]:
    """Runs several classifiers on data that is read once.

    So their answers can be compared sample by sample, even where the data comes in
    another order each time it is read.

    Args:
        models: Models or files, as in `predict`.
        data: As in `predict`.
        batch_size: As in `predict`.
        threads: As in `predict`.

    Returns:
        The `Predictions` of each model, in their order.

    Raises:
        DataError: As `predict` does.
        ModelError: As `predict` does.

    Example:
    ```python
    first, second = tfc.measurement.predict_each([teacher, "small.tflite"], images)
    differs = first.classes != second.classes
    ```
    """
    runs = [_runner(model, threads) for model in models]
    scores: list[list[np.ndarray]] = [[] for _ in models]
    labels: list[np.ndarray | None] = []
    for batch in batches(data, batch_size=batch_size):
        check_finite(batch.x, "x")
        for run, parts, model in zip(runs, scores, models, strict=True):
            parts.append(_as_columns(run(batch.x), model))
        labels.append(_as_classes(batch.y, [parts[-1] for parts in scores]))
    known = [part for part in labels if part is not None]
    joined = np.concatenate(known) if len(known) == len(labels) else None
    return [Predictions(np.concatenate(parts), joined) for parts in scores]


def _runner(model_or_file: Any, threads: int) -> Callable[[Any], Any]:
    path = path_of(model_or_file)
    if path is None:
        return model_or_file.predict_on_batch
    return LiteRTModel(path, threads=threads).predict


def _as_columns(output: Any, model_or_file: Any) -> np.ndarray:
    if isinstance(output, dict | list | tuple):
        raise ModelError(
            "Only classifiers with one output can be measured. "
            f"Received: {len(output)} outputs of {_name(model_or_file)}"
        )
    scores = np.asarray(output)
    scores = scores[:, np.newaxis] if scores.ndim == 1 else scores
    if scores.ndim != 2:
        raise ModelError(
            "Only classifiers, with an output of shape (samples, classes), can be "
            f"measured. Received: shape {scores.shape} of {_name(model_or_file)}"
        )
    scores = scores.astype(np.float32, copy=False)
    if not np.isfinite(scores).all():
        raise ModelError(
            "The model's output must be finite; look for NaN or infinite weights, and "
            f"for a division by zero. Received: {int((~np.isfinite(scores)).sum())} "
            f"scores that are not, of {_name(model_or_file)}"
        )
    return scores


def _as_classes(y: Any, scores: list[np.ndarray]) -> np.ndarray | None:
    if y is None:
        return None
    labels = np.asarray(y) if not isinstance(y, dict | list) else None
    if labels is None or labels.ndim not in (1, 2) or labels.dtype.kind not in "iufb":
        raise DataError(
            "Labels must be class numbers of shape (samples,) or (samples, 1), or one "
            f"column for each class. Received: {describe(y)}"
        )
    for columns in scores:
        if len(labels) != len(columns):
            raise DataError(
                "There must be one label for each sample. "
                f"Received: {len(labels)} labels for {len(columns)} samples"
            )
        check_finite(labels, "y")
        check_labels(labels, max(columns.shape[1], 2))
    if labels.ndim == 2 and labels.shape[1] > 1:
        return np.argmax(labels, axis=1)
    return labels.reshape(-1).astype(np.int64)


def _name(model_or_file: Any) -> str:
    if isinstance(model_or_file, str | os.PathLike):
        return f"the file {os.fspath(model_or_file)}"
    return f"the model {model_or_file.name!r}"
