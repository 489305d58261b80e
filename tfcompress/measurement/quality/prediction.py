"""What models say about data: scores, chosen classes, and the labels beside them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress.data import batches, check_finite, join
from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.quality.labels import (
    fit_labels,
    fit_weights,
    read_labels,
    read_values,
)
from tfcompress.measurement.quality.outputs import ONLY, OutputReader


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """Scores of one output of a model on one data set, sample by sample.

    Attributes:
        scores: What the model gives, float32 of shape `(samples, ..., outputs)`:
            `(samples, classes)` of a classifier, `(samples, height, width, classes)`
            of a segmentation, `(samples, steps, classes)` of a language model.
        labels: Class numbers as int64 of shape `scores.shape[:-1]`; zeros and ones as
            int64 of the shape of `scores` where a sample may have several classes;
            real numbers as float64 of the shape of `scores`; or None if the data has
            none.
        weights: Sample weights as float64 of shape `(samples,)` or
            `scores.shape[:-1]`, or None if all count alike.
        given_labels: The labels in the form in which the data holds them, 0 where the
            weight is 0, or None.
    """

    scores: np.ndarray
    labels: np.ndarray | None
    weights: np.ndarray | None = None
    given_labels: np.ndarray | None = None

    @property
    def kind(self) -> str | None:
        """What the labels are: `"classes"`, `"multi_label"`, `"values"`, or None."""
        if self.labels is None:
            return None
        if self.labels.shape != self.scores.shape:
            return "classes"
        return "values" if self.labels.dtype.kind == "f" else "multi_label"

    @property
    def width(self) -> int:
        """The number of classes; one output means two."""
        return max(self.scores.shape[-1], 2)

    @property
    def classes(self) -> np.ndarray:
        """The class that the model chooses, int64 of shape `scores.shape[:-1]`.

        With two outputs or more, the one with the largest score, the first of them
        if several are equal. With one output, class 1 above a threshold: 0.5 if all
        scores lie within 0 and 1, for they are probabilities then, and 0 if not, for
        they are logits.
        """
        if self.scores.shape[-1] > 1:
            return np.argmax(self.scores, axis=-1)
        return self.decisions[..., 0]

    @property
    def decisions(self) -> np.ndarray:
        """Whether each output says yes, int64 zeros and ones of the shape of `scores`.

        For models that may choose several classes of one sample; the threshold is
        that of `classes`.
        """
        return (self.scores > (0.5 if self._within_0_and_1 else 0.0)).astype(np.int64)

    @property
    def probabilities(self) -> np.ndarray:
        """The probability of each class, float64 of shape `(samples, ..., classes)`.

        Scores that all lie within 0 and 1 are probabilities already; each row is
        divided by its sum, for quantized ones do not sum to 1. Others are logits, and
        go through softmax. With one output, class 1 has its score, or the sigmoid of
        it, and class 0 the rest.
        """
        scores = self.scores.astype(np.float64)
        if scores.shape[-1] == 1:
            positive = self.output_probabilities
            return np.concatenate([1.0 - positive, positive], axis=-1)
        if self._within_0_and_1:
            scores[scores.sum(axis=-1) == 0.0] = 1.0  # says nothing: all alike
        else:
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return scores

    @property
    def output_probabilities(self) -> np.ndarray:
        """The probability of each output on its own, float64, shaped as `scores`.

        The scores themselves if all lie within 0 and 1, their sigmoid if not.
        """
        scores = self.scores.astype(np.float64)
        return scores if self._within_0_and_1 else 0.5 * (1.0 + np.tanh(0.5 * scores))

    @property
    def label_weights(self) -> np.ndarray:
        """The weight of each label, float64 of shape `scores.shape[:-1]`."""
        positions = self.scores.shape[:-1]
        if self.weights is None:
            return np.ones(positions)
        weights = self.weights
        axes = (1,) * (len(positions) - weights.ndim)
        return np.broadcast_to(weights.reshape(weights.shape + axes), positions)

    @property
    def right(self) -> np.ndarray:
        """Whether the model is right, bool of shape `scores.shape[:-1]`.

        Where a sample may have several classes, whether it has them all right.

        Raises:
            DataError: If there are no labels, or if they are real numbers.
        """
        if self.kind == "classes":
            return self.classes == self.labels
        if self.kind == "multi_label":
            return (self.decisions == self.labels).all(axis=-1)
        raise DataError(
            "Only labels that name classes tell right from wrong; pass (x, y). "
            f"Received: {'real numbers' if self.kind else 'no labels'}"
        )

    @property
    def _within_0_and_1(self) -> bool:
        return bool(self.scores.min() >= 0.0 and self.scores.max() <= 1.0)


Said = Predictions | dict[str, Predictions]


def predict(
    model_or_file: Any, data: Any, *, batch_size: int = 256, threads: int = 1
) -> Any:
    """Runs a model on data, and holds all that it says in memory.

    Args:
        model_or_file: A built Keras 3 or tf_keras model, or the path of a `.tflite`
            file, which is run on LiteRT. Of a file with several signatures
            `LiteRTModel(path, signature=...)` says which one.
        data: Data in a form that `tfcompress.data.batches` accepts, with or without
            labels and sample weights. Labels are class numbers of shape `(samples,)`
            or `(samples, 1)`, one-hot, zeros and ones for several classes at once, or
            real numbers; for a model that labels every pixel or every step they have
            these axes too, and sample weights may have them. A model with several
            outputs takes them as a dict by output name, or if it is a Keras model
            whose outputs are a list, in their order.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for a `.tflite` file.

    Returns:
        The `Predictions`, or for a model with several outputs a dict of `Predictions`
        by output name.

    Raises:
        DataError: If data is empty or not finite, if it does not fit the model, or if
            labels name none of its classes.
        ModelError: If the model or file cannot be used, or gives what is not finite.

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
    models: Sequence[Any],
    data: Any,
    *,
    batch_size: int = 256,
    threads: int = 1,
    kinds: Mapping[str, str | None] | str | None = None,
) -> list[Any]:
    """Runs several models on data that is read once.

    So their answers can be compared sample by sample, even where the data comes in
    another order each time it is read.

    Args:
        models: Models or files, as in `predict`.
        data: As in `predict`.
        batch_size: As in `predict`.
        threads: As in `predict`.
        kinds: `"values"` if the labels are real numbers even where they could name
            classes; or a dict of outputs that must be there, with that or None for
            each. Defaults to None: the labels tell.

    Returns:
        The `Predictions` of each model, in their order; a dict of `Predictions` by
        output name for a model with several outputs.

    Raises:
        ArgumentError: If a model has none of the outputs in `kinds`.
        DataError: As `predict` does.
        ModelError: As `predict` does.

    Example:
    ```python
    first, second = tfc.measurement.predict_each([teacher, "small.tflite"], images)
    differs = first.classes != second.classes
    ```
    """
    gatherers = [_Gatherer(model, threads, kinds) for model in models]
    for batch in batches(data, batch_size=batch_size):
        check_finite(batch.x, "x")
        for gatherer in gatherers:
            gatherer.add(batch.x, batch.y, batch.sample_weight)
    return [gatherer.join() for gatherer in gatherers]


class _Gatherer:
    """Runs one model batch by batch, and puts together what it says."""

    def __init__(
        self, model: Any, threads: int, kinds: Mapping[str, str | None] | str | None
    ) -> None:
        self._reader = OutputReader(model, threads)
        self._kinds = kinds
        self._named = set(kinds) if isinstance(kinds, Mapping) else set()
        self._batches: list[dict[str, tuple[Any, Any, Any, Any]]] = []

    def add(self, x: Any, y: Any, sample_weight: Any) -> None:
        outputs = self._reader.run(x)
        names = list(outputs)
        if not self._named <= set(names):
            raise ArgumentError(
                f"metrics must be given by the names of outputs. {self._reader.name} "
                f"has {'one output' if names == [ONLY] else f'the outputs {names}'}. "
                f"Received: metrics for {sorted(self._named)}"
            )
        labels = self._reader.split(y, names, "y")
        shared = isinstance(sample_weight, np.ndarray) and names != [ONLY]
        weights = (
            dict.fromkeys(names, sample_weight)
            if shared
            else self._reader.split(sample_weight, names, "sample_weight")
        )
        gathered = {}
        for name, scores in outputs.items():
            weight = fit_weights(weights.get(name), scores)
            label = given = labels.get(name)
            if given is not None:
                label = fit_labels(given, scores, weight)
                given = label.reshape(np.shape(given))
            gathered[name] = (scores, label, weight, given)
        self._batches.append(gathered)

    def join(self) -> Said:
        names = list(self._batches[0])
        joined = {name: self._join(name) for name in names}
        return joined[ONLY] if names == [ONLY] else joined

    def _join(self, name: str) -> Predictions:
        columns = zip(*(batch[name] for batch in self._batches), strict=True)
        scores, labels, weights, given = (_concatenate(parts) for parts in columns)
        if weights is not None and not weights.sum():
            raise DataError(
                "One sample at least must have a weight above 0. "
                "Received: sample weights of 0 only"
            )
        if labels is not None:
            kinds = self._kinds
            kind = kinds.get(name) if isinstance(kinds, Mapping) else kinds
            labels = (
                read_values(labels, scores)
                if kind == "values"
                else read_labels(labels, scores, weights)
            )
        return Predictions(scores, labels, weights, given)


def _concatenate(parts: Sequence[Any]) -> Any:
    known = [part for part in parts if part is not None]
    return join(known) if len(known) == len(parts) else None
