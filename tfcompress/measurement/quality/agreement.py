"""How often two models say the same, and where they part."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table

from tfcompress.errors import DataError, ModelError
from tfcompress.measurement.quality.prediction import Predictions, predict_each
from tfcompress.printing import to_text

# A smaller probability counts as this one, so that logarithms are finite.
_SMALLEST = 1e-7
_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Difference:
    """A sample for which two models choose different classes.

    Attributes:
        index: Number of the sample in the data.
        first: The class that the first model chooses.
        second: The class that the second model chooses.
        label: The class in the labels, or None if there are none.
        position: Which pixel or step the classes are of, the first one that differs;
            `()` for a model that gives one class for a sample.
    """

    index: int
    first: int
    second: int
    label: int | None = None
    position: tuple[int, ...] = ()

    @property
    def right(self) -> str | None:
        """Which is right: `"first"`, `"second"`, `"neither"`; None without labels."""
        if self.label is None:
            return None
        answers = {self.second: "second", self.first: "first"}
        return answers.get(self.label, "neither")


@dataclasses.dataclass(frozen=True, eq=False)
class Agreement:
    """How far two models agree; `float(agreement)` is the share.

    Attributes:
        share: Share of samples (pixels, steps) for which both choose the same class,
            0 to 1.
        kl: Mean Kullback-Leibler divergence of the second model's probabilities from
            the first's, `sum(p_first * log(p_first / p_second))`, in nats: what the
            second loses of what the first says. 0 if they are the same.
        flips: By each class of the first model that the second leaves, how often it
            goes to which other class: `flips[3][5]` is the number of threes that
            became fives.
        examples: Every sample on which they part, in the order of the data.
        samples: Number of samples.
    """

    share: float
    kl: float
    flips: Mapping[int, Mapping[int, int]]
    examples: tuple[Difference, ...]
    samples: int

    def __float__(self) -> float:
        """Returns the share."""
        return self.share

    def __str__(self) -> str:
        """Returns the table that `print` shows: the classes that change most."""
        table = Table("class", "flips", "to")
        ranked = sorted(self.flips.items(), key=lambda item: -sum(item[1].values()))
        for left, reached in ranked[:_SHOWN]:
            to = ", ".join(f"{name} ({count})" for name, count in reached.items())
            table.add_row(str(left), str(sum(reached.values())), to)
        return to_text(
            table,
            f"{self.share:.2%} of the choices on {self.samples:,} samples are the same;"
            f" {len(self.examples):,} samples differ. Mean KL divergence "
            f"{self.kl:.4g} nats.",
        )


def agreement(
    first: Any, second: Any, data: Any, *, batch_size: int = 256, threads: int = 1
) -> Agreement:
    """Measures how far two models choose the same classes.

    It needs no labels, and shows differences that equal accuracy hides: two models
    may be wrong on different samples. Models of one output choose between two classes,
    by the threshold of `Predictions.classes`. Scores alone do not tell classes from
    real numbers: of models that estimate numbers, pass the labels as well, which are
    refused then, or compare what `predict` returns.

    Args:
        first: A model or file, as in `predict`. It is the one that the other is
            compared with.
        second: The other one.
        data: Data in a form that `tfcompress.data.batches` accepts; read once. With
            labels, examples say which model is right; sample weights count.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for `.tflite` files.

    Returns:
        The `Agreement`, which can be used as a number.

    Raises:
        DataError: If data is empty, does not fit the models, or has labels that are
            not class numbers.
        ModelError: If a model or file cannot be used, if it has several outputs, or if
            the two do not have the same number of classes.

    Example:
    ```python
    agreement = tfc.measurement.agreement(teacher, "small.tflite", images)
    print(agreement.share, agreement.kl)
    ```
    """
    return measure_agreement(
        *predict_each([first, second], data, batch_size=batch_size, threads=threads)
    )


def measure_agreement(first: Predictions, second: Predictions) -> Agreement:
    """Computes how far predictions that are there already agree.

    Args:
        first: Predictions on a data set.
        second: Predictions of another model on the same samples, in the same order.

    Returns:
        The `Agreement`.

    Raises:
        DataError: If the labels are not class numbers.
        ModelError: As `agreement` does.

    Example:
    ```python
    first, second = tfc.measurement.predict_each([teacher, "small.tflite"], images)
    measure_agreement(first, second).flips
    ```
    """
    share = share_agreement(first, second)
    weights = first.label_weights
    chosen = first.classes, second.classes
    differs = (chosen[0] != chosen[1]) & (weights > 0)
    pairs = np.stack([part[differs] for part in chosen], axis=-1)
    flips: dict[int, dict[int, int]] = {}
    for (left, reached), count in zip(
        *(part.tolist() for part in np.unique(pairs, axis=0, return_counts=True)),
        strict=True,
    ):
        flips.setdefault(left, {})[reached] = count
    return Agreement(
        share=share,
        kl=float(np.average(_divergence(first, second), weights=weights)),
        flips=flips,
        examples=tuple(_differences(first, second, differs)),
        samples=len(first.scores),
    )


def share_agreement(first: Predictions, second: Predictions) -> float:
    """Computes the share of samples with the same class in both predictions.

    Args:
        first: Predictions on a data set.
        second: Predictions of another model on the same samples, in the same order.

    Returns:
        A share from 0 to 1.

    Raises:
        DataError: If the labels are not class numbers.
        ModelError: As `agreement` does.
    """
    check_same_classes(first, second)
    same = first.classes == second.classes
    return float(np.average(same, weights=first.label_weights))


def check_same_classes(first: Predictions, second: Predictions) -> None:
    """Raises an error if two models do not choose among the same classes.

    Raises:
        DataError: If the labels are not class numbers.
        ModelError: If a model has several outputs, or they have different classes.
    """
    for part in (first, second):
        if not isinstance(part, Predictions):
            raise ModelError(
                "Only models with one output can be compared class by class; for "
                f"others call predict, and compare output by output. Received: "
                f"the outputs {list(part)}"
            )
        if part.kind not in (None, "classes"):
            raise DataError(
                "Models can be compared class by class only where the labels are class "
                "numbers. Received: labels that are "
                + ("real numbers" if part.kind == "values" else "several classes")
            )
    counts = [part.width for part in (first, second)]
    shapes = [part.scores.shape[:-1] for part in (first, second)]
    if counts[0] != counts[1] or shapes[0] != shapes[1]:
        raise ModelError(
            "Models can agree only if they know the same classes. "
            f"Received: one with {counts[0]} classes, one with {counts[1]}"
            + (f", of shapes {shapes[0]} and {shapes[1]}" * (shapes[0] != shapes[1]))
        )


def _divergence(first: Predictions, second: Predictions) -> np.ndarray:
    p, q = (np.maximum(part.probabilities, _SMALLEST) for part in (first, second))
    p, q = (part / part.sum(axis=-1, keepdims=True) for part in (p, q))
    return (p * np.log(p / q)).sum(axis=-1)


def _differences(
    first: Predictions, second: Predictions, differs: np.ndarray
) -> list[Difference]:
    rows = differs.reshape(len(differs), -1)
    parted = np.flatnonzero(rows.any(axis=1))
    earliest = parted * rows.shape[1] + rows[parted].argmax(axis=1)
    places = np.stack(np.unravel_index(earliest, differs.shape), axis=1).tolist()
    chosen = first.classes, second.classes
    return [
        Difference(
            index,
            int(chosen[0][index, *position]),
            int(chosen[1][index, *position]),
            None if first.labels is None else int(first.labels[index, *position]),
            tuple(position),
        )
        for index, *position in places
    ]
