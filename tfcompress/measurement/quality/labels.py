"""Labels in the forms that users have, and what they say of a model's scores."""

from typing import Any

import numpy as np

from tfcompress.data import check_finite, check_labels, describe, first
from tfcompress.errors import DataError

# Rows of labels that sum to 1 within this name one class, softly or not.
_TOLERANCE = 1e-3


def check_labelled(data: Any) -> None:
    """Raises an error if data has no labels, before anything is run on it.

    Args:
        data: Data in a form that `tfcompress.data.batches` accepts.

    Raises:
        DataError: If the first batch has no labels, or as `batches` does.
    """
    if first(data).y is None:
        raise DataError(
            "Labels are needed to measure quality; pass (x, y). Received: x alone"
        )


def fit_labels(y: Any, scores: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Checks the labels of a batch against a model's scores.

    Args:
        y: Labels: class numbers of shape `scores.shape[:-1]`, with a last axis of 1 or
            without it, or numbers of the shape of `scores`.
        scores: What the model gives, of shape `(samples, ..., outputs)`.
        weights: Weights of shape `(samples,)` or `scores.shape[:-1]`, or None. Labels
            of weight 0 may be any number; they become 0.

    Returns:
        The labels as an array, a last axis of 1 taken away.

    Raises:
        DataError: If they are no finite numbers, are fewer or more than the samples,
            have another shape, or name classes that the model does not have.
    """
    labels = None if isinstance(y, dict | list) else np.asarray(y)
    if labels is None or not labels.ndim or labels.dtype.kind not in "iufb":
        raise _refuse(y, scores)
    if len(labels) != len(scores):
        raise DataError(
            "There must be one label for each sample. "
            f"Received: {len(labels)} labels for {len(scores)} samples"
        )
    positions, width = scores.shape[:-1], scores.shape[-1]
    if labels.shape == (*positions, 1):
        labels = labels[..., 0]
    if labels.shape not in (positions, scores.shape, (*positions, max(width, 2))):
        if labels.shape[:-1] == positions:
            check_labels(labels, max(width, 2))
        raise _refuse(y, scores)
    if weights is not None:
        labels = np.where(_over(weights, labels) > 0, labels, 0)
    check_finite(labels, "y")
    if labels.shape == positions and width > 1:
        broken = labels[np.rint(labels) != labels]
        if broken.size:
            said = f", with numbers that are not whole, such as {broken.flat[0]:g}"
            raise _refuse(y, scores, said)
        check_labels(labels.reshape(-1), width)
    return labels


def read_labels(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Tells class numbers, several classes for one sample, and real numbers apart.

    One number for each row of scores is its class. Where the model has one output, it
    is a class if all are 0 or 1, and a real number if not. Rows as wide as the scores
    name one class if all sum to 1 (one-hot or soft), several classes if all numbers
    are 0 or 1, and are real numbers otherwise.

    Args:
        labels: All labels of a data set, from `fit_labels`.
        scores: All scores, of shape `(samples, ..., outputs)`.
        weights: All weights, from `fit_weights`, or None. Labels of weight 0 tell
            nothing.

    Returns:
        Class numbers as int64 of shape `scores.shape[:-1]`; or zeros and ones as int64,
        or real numbers as float64, of the shape of `scores`.

    Raises:
        DataError: If a model of one output gives probabilities, and the labels are
            whole numbers beyond 0 and 1.
    """
    if labels.shape == scores.shape[:-1]:
        if scores.shape[-1] > 1 or np.isin(labels, (0, 1)).all():
            return labels.astype(np.int64)
        whole = np.array_equal(np.rint(labels), labels)
        if whole and scores.min() >= 0.0 and scores.max() <= 1.0:
            raise DataError(
                "y must hold class numbers from 0 to 1 for a model of one output that "
                "gives probabilities; if they are no classes, ask for a metric of real "
                f'numbers, such as metrics=["mae"]. Received: labels from '
                f"{labels.min():g} to {labels.max():g}"
            )
        return read_values(labels, scores)
    counted = labels if weights is None else labels[weights > 0]
    sums = counted.reshape(-1, labels.shape[-1]).sum(axis=1, dtype=np.float64)
    if labels.min() >= 0 and np.abs(sums - 1.0).max() <= _TOLERANCE:
        return np.argmax(labels, axis=-1)
    if labels.shape == scores.shape and np.isin(labels, (0, 1)).all():
        return labels.astype(np.int64)
    return read_values(labels, scores)


def read_values(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Returns labels as the real numbers that a model's outputs should be.

    Args:
        labels: As in `read_labels`.
        scores: As in `read_labels`.

    Returns:
        A float64 array of the shape of `scores`.

    Raises:
        DataError: If there is not one number for each output.
    """
    if labels.size != scores.size:
        raise DataError(
            "Real numbers as labels must be as many as the model's outputs. Received: "
            f"y of shape {labels.shape} for outputs of shape {scores.shape}"
        )
    return labels.reshape(scores.shape).astype(np.float64)


def fit_weights(weights: Any, scores: np.ndarray) -> np.ndarray | None:
    """Checks the sample weights of a batch against a model's scores.

    Args:
        weights: An array of shape `(samples,)` or `scores.shape[:-1]`, with a last
            axis of 1 or without it; or None.
        scores: What the model gives, of shape `(samples, ..., outputs)`.

    Returns:
        A float64 array of shape `(samples,)` or `scores.shape[:-1]`, or None.

    Raises:
        DataError: If the shape is another one, or a weight is negative or not finite.
    """
    if weights is None:
        return None
    array = np.asarray(weights)
    positions = scores.shape[:-1]
    if array.shape != positions and array.shape in ((len(scores), 1), (*positions, 1)):
        array = array[..., 0]
    if array.shape not in ((len(scores),), positions) or array.dtype.kind not in "iufb":
        raise DataError(
            "Sample weights must be numbers, one for each sample or one for each "
            f"label, of shape ({len(scores)},) or {positions}. "
            f"Received: sample_weight={describe(weights)}"
        )
    check_finite(array, "sample_weight")
    if array.size and array.min() < 0:
        raise DataError(
            "Sample weights must be 0 or more. "
            f"Received: sample_weight={array.min()} among them"
        )
    return array.astype(np.float64)


def _over(weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return weights.reshape(weights.shape + (1,) * (labels.ndim - weights.ndim))


def _refuse(y: Any, scores: np.ndarray, said: str = "") -> DataError:
    positions = ", ".join(["samples", *(str(size) for size in scores.shape[1:-1])])
    return DataError(
        f"Labels must be class numbers of shape ({positions}), or one number for each "
        f"of the model's outputs, of shape ({positions}, {scores.shape[-1]}). "
        f"Received: y={describe(y)}{said}"
    )
