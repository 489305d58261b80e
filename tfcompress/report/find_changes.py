"""Finds the samples on which two models part."""

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.measurement.quality.mcnemar import compute_p_value
from tfcompress.measurement.quality.prediction import Predictions
from tfcompress.report.changes import SHOWN, Change, Changes
from tfcompress.report.seen_inputs import SeenInputs, write_picture


def find_changes(
    before: Predictions,
    after: Predictions,
    inputs: SeenInputs,
    class_names: Sequence[str],
) -> Changes:
    """Finds the samples on which two models part.

    A model that says one thing of a sample, a class or several, has answers that
    changed or did not. Of one that gives real numbers, or a class for every pixel or
    step, the samples are found on which the two are farthest apart. Samples of weight 0
    are left out.

    Args:
        before: Predictions of the reference, with labels.
        after: Predictions of the other model on the same samples.
        inputs: The samples.
        class_names: What the classes are called.

    Returns:
        The `Changes`.
    """
    if before.kind != "values" and before.scores.ndim == 2:
        answers = _Answers(before, class_names), _Answers(after, class_names)
        differs = answers[0].differs_from(answers[1]) & (before.label_weights > 0)
        lost = differs & before.right & ~after.right
        won = differs & ~before.right & after.right
        order = np.argsort(~lost[differs], kind="stable")
        chosen = np.flatnonzero(differs)[order][:SHOWN]
        p_value, _ = compute_p_value(int(lost.sum()), int(won.sum()))
        return Changes(
            count=int(differs.sum()),
            lost=int(lost.sum()),
            won=int(won.sum()),
            p_value=p_value,
            shown=_show(chosen, *answers, inputs),
        )
    says: Any = _Numbers if before.kind == "values" else _Shares
    if before.kind == "values":
        distance = np.abs(before.scores - after.scores).sum(axis=-1)
    else:
        distance = (before.classes != after.classes).astype(np.float64)
    chosen = _farthest(distance * (before.label_weights > 0))
    shown = _show(chosen, says(before), says(after), inputs)
    return Changes(count=None, lost=None, won=None, p_value=None, shown=shown)


class _Sayings(abc.ABC):
    """Writes what a model, and what the label, says of a sample."""

    @abc.abstractmethod
    def said(self, index: int) -> str:
        """Writes what the model says."""

    @abc.abstractmethod
    def label(self, index: int) -> str:
        """Writes what the label says; empty if that is too much to write."""


class _Answers(_Sayings):
    """Writes the class, or the classes, that a model gives a sample."""

    def __init__(self, predictions: Predictions, class_names: Sequence[str]) -> None:
        several = predictions.kind == "multi_label"
        self._names = class_names
        self._said = predictions.decisions if several else predictions.classes
        self._labels = np.asarray(predictions.labels)

    def differs_from(self, other: "_Answers") -> np.ndarray:
        different = self._said != other._said
        return different.reshape(len(different), -1).any(axis=1)

    def said(self, index: int) -> str:
        return self._write(self._said[index])

    def label(self, index: int) -> str:
        return self._write(self._labels[index])

    def _write(self, answer: np.ndarray) -> str:
        numbers = np.flatnonzero(answer) if answer.ndim else [int(answer)]
        return ", ".join(self._names[int(number)] for number in numbers) or "none"


class _Numbers(_Sayings):
    """Writes the first numbers that a model gives a sample."""

    def __init__(self, predictions: Predictions) -> None:
        self._scores = predictions.scores
        self._labels = np.asarray(predictions.labels)

    def said(self, index: int) -> str:
        return _first_numbers(self._scores[index])

    def label(self, index: int) -> str:
        return _first_numbers(self._labels[index])


class _Shares(_Sayings):
    """Writes how much of a sample a model has right."""

    def __init__(self, predictions: Predictions) -> None:
        self._right = predictions.right

    def said(self, index: int) -> str:
        return f"{self._right[index].mean():.1%} right"

    def label(self, index: int) -> str:
        return ""


def _first_numbers(values: np.ndarray, count: int = 4) -> str:
    text = " ".join(f"{number:.4g}" for number in values.ravel()[:count])
    return f"{text} …" if values.size > count else text


def _farthest(distance: np.ndarray) -> np.ndarray:
    sums = distance.reshape(len(distance), -1).sum(axis=1)
    order = np.argsort(-sums, kind="stable")[:SHOWN]
    return order[sums[order] > 0]


def _show(
    chosen: np.ndarray, before: _Sayings, after: _Sayings, inputs: SeenInputs
) -> tuple[Change, ...]:
    seen = [inputs[int(index)] for index in chosen]
    pictures = [each.picture for each in seen if each.picture is not None]
    low, high = _limits(pictures) if pictures else (0.0, 1.0)
    return tuple(
        Change(
            index=int(index),
            before=before.said(index),
            after=after.said(index),
            label=before.label(index),
            words=each.words,
            picture=""
            if each.picture is None
            else write_picture(each.picture, low, high),
        )
        for index, each in zip(chosen, seen, strict=True)
    )


def _limits(pictures: Sequence[np.ndarray]) -> tuple[float, float]:
    """Returns black and white: of bytes 0 and 255, else the ends of what there is."""
    if pictures[0].dtype == np.uint8:
        return 0.0, 255.0
    return min(float(p.min()) for p in pictures), max(float(p.max()) for p in pictures)
