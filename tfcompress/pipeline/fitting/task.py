"""What a model is to learn, found in its outputs and the labels."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress import data as data_module
from tfcompress import keras_compat
from tfcompress.errors import DataError
from tfcompress.pipeline.fitting.class_losses import loss_for_labels
from tfcompress.pipeline.fitting.losses import (
    kind_of_loss,
    losses_of_outputs,
    names_of_outputs,
)

_SPARSE = "sparse_categorical_crossentropy"
_CATEGORICAL = "categorical_crossentropy"
_BINARY = "binary_crossentropy"
_SQUARED = "mean_squared_error"
_METRICS = {"classes": "accuracy", "labels": "accuracy", "numbers": "mae"}
# By how much the shares of a row, in float16, may add up to more than 1.
_ROUNDING = 1e-2
# Batches of a data set that are looked at for the kind of its labels.
BATCHES_LOOKED_AT = 32


@dataclasses.dataclass(frozen=True)
class OutputTask:
    """What one output is to learn.

    Attributes:
        kind: `"classes"` that exclude each other, `"labels"` that do not, each 0 or 1,
            or `"numbers"`.
        classes: How many classes or labels there are: of a single column with labels 0
            and 1 two classes. Of numbers, how many there are.
        loss: Name of the Keras loss, or a loss that the model was compiled with.
        activation: What the output ends in, such as `"softmax"`, or None.
        width: Columns of the output.
        numbered: Whether the labels are numbers of classes, not rows.
    """

    kind: str
    classes: int
    loss: Any
    activation: str | None
    width: int
    numbered: bool = False

    @property
    def from_logits(self) -> bool:
        """Whether the output gives logits, not probabilities."""
        return self.kind != "numbers" and self.activation not in ("softmax", "sigmoid")

    @property
    def metric(self) -> str:
        """What is shown after each epoch: `"accuracy"` or `"mae"`."""
        return _METRICS[self.kind]


@dataclasses.dataclass(frozen=True)
class Task:
    """What a model is to learn.

    Attributes:
        outputs: What each output is to learn, in flattened order.
        loss_weights: Weights of the outputs' losses that the model was compiled with,
            or None.

    Example:
    ```python
    from tfcompress.pipeline.fitting.task import OutputTask, Task

    task = Task((OutputTask("numbers", 1, "mse", None, 1),))
    assert task.kind == "numbers" and task.loss == "mse"
    ```
    """

    outputs: tuple[OutputTask, ...]
    loss_weights: Any = None

    @property
    def kind(self) -> str:
        """`"classes"`, `"labels"` or `"numbers"`; `"several"` where outputs differ."""
        kinds = {output.kind for output in self.outputs}
        return kinds.pop() if len(kinds) == 1 else "several"

    @property
    def classes(self) -> int:
        """Number of classes of the first output."""
        return self.outputs[0].classes

    @property
    def loss(self) -> Any:
        """The loss: that of the one output, or a list of them."""
        losses = [output.loss for output in self.outputs]
        return losses[0] if len(losses) == 1 else losses

    @property
    def from_logits(self) -> bool:
        """Whether the first output gives logits, not probabilities."""
        return self.outputs[0].from_logits

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that are shown after each epoch."""
        return tuple(dict.fromkeys(output.metric for output in self.outputs))


def find_task(model: Any, train: Any, loss: str | None = None) -> Task:
    """Returns what a model is to learn.

    The loss that was given, or that the model was compiled with, says it; without one
    the outputs and the labels do: class numbers, one-hot rows, columns of 0 and 1, for
    samples or for each position of a map or sequence, or real numbers.

    Args:
        model: A built functional or Sequential model of either Keras.
        train: Inputs and labels, in a form that `tfcompress.data.batches` accepts.
            Labels in arrays are looked at whole, in a data set those of the first 32
            batches.
        loss: Name of a Keras loss on the model's own outputs. Defaults to the loss that
            the model was compiled with.

    Returns:
        The `Task`.

    Raises:
        DataError: If there are no labels, or they do not fit the outputs.
        ArgumentError: If there is no such loss.

    Example:
    ```python
    from tfcompress.pipeline.fitting import find_task

    task = find_task(model, (x, y))
    print(task.kind, task.classes, task.loss)
    ```
    """
    labels = read_labels(model, train)
    activations = keras_compat.output_activations(model)
    given, weights = losses_of_outputs(model, loss)
    several = len(model.outputs) > 1
    outputs = []
    for number, (tensor, activation, one) in enumerate(
        zip(model.outputs, activations, given, strict=True)
    ):
        name = f"the labels of output {number}" if several else "the labels"
        shape = tuple(tensor.shape)
        outputs.append(_find(labels[number], shape, activation, one, name))
    return Task(tuple(outputs), weights)


def read_labels(model: Any, train: Any) -> list[np.ndarray]:
    """Returns the labels of each output of a model.

    Args:
        model: A built functional or Sequential model of either Keras.
        train: Inputs and labels, in a form that `tfcompress.data.batches` accepts.

    Returns:
        For each output, in flattened order, the labels of all arrays, or of the first
        batches of a data set.

    Raises:
        DataError: If there are none, if they are text or not finite, or not one for
            each output.

    Example:
    ```python
    from tfcompress.pipeline.fitting.task import read_labels

    (labels,) = read_labels(model, (x, y))
    ```
    """
    whole = isinstance(train, tuple)
    batches = data_module.batches(train, batch_size=2**31)
    found = [
        in_order_of_outputs(model, batch.y)
        for batch in (
            batches if whole else itertools.islice(batches, BATCHES_LOOKED_AT)
        )
    ]
    labels = [_join(parts) for parts in zip(*found, strict=True)]
    for array in labels:
        if array.dtype.kind not in "biuf":
            raise DataError(
                "Labels must be numbers: give each class a number from 0 on. "
                f"Received: labels of dtype {array.dtype}, such as "
                f"{array.reshape(-1)[0]!r}"
            )
    data_module.check_finite(labels, "The labels")
    return labels


def in_order_of_outputs(model: Any, y: Any) -> list[np.ndarray]:
    """Returns the labels of a batch as a list, in the order of the model's outputs.

    Args:
        model: A built functional or Sequential model of either Keras.
        y: Labels: an array, a list of them, or a dict by the names of the outputs.

    Returns:
        An array for each output, in flattened order.

    Raises:
        DataError: If there are none, or not one for each output.

    Example:
    ```python
    from tfcompress.pipeline.fitting.task import in_order_of_outputs

    (labels,) = in_order_of_outputs(model, y)
    ```
    """
    names = names_of_outputs(model)
    if y is None:
        raise DataError(
            "The data must bring labels to train on: (x, y). Received: inputs alone"
        )
    if isinstance(y, Mapping):
        if set(y) != set(names):
            raise DataError(
                "The labels must have the names of the model's outputs, "
                f"{list(names)}. Received: labels named {sorted(y)}"
            )
        parts = [y[name] for name in names]
    else:
        parts = list(y) if isinstance(y, list | tuple) else [y]
    if len(parts) != len(names):
        raise DataError(
            f"The model has {len(names)} outputs, and each needs labels. "
            f"Received: labels for {len(parts)}"
        )
    return [np.asarray(part) for part in parts]


def _join(parts: Sequence[np.ndarray]) -> np.ndarray:
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    # Sequences of different lengths: their values matter, and the last axis.
    widths = {part.shape[-1] for part in parts}
    if len(widths) == 1:
        width = widths.pop()
        flat = np.concatenate([part.reshape(-1, width) for part in parts])
        return flat.reshape((-1, *(1,) * (parts[0].ndim - 2), width))
    flat = np.concatenate([part.reshape(-1) for part in parts])
    return flat.reshape((-1, *(1,) * (parts[0].ndim - 1)))


def _find(
    labels: np.ndarray,
    shape: tuple[int | None, ...],
    activation: str | None,
    loss: Any,
    name: str,
) -> OutputTask:
    width = int(shape[-1] or 1) if len(shape) > 1 else 1
    numbers = _is_numbers_of_classes(labels, shape, width)
    kind, found = _kind(labels, numbers, activation, width)
    if loss is not None:
        kind = kind_of_loss(loss) or kind
        if kind == "labels" and activation == "softmax":
            # Binary cross-entropy of each class; but one of them it is.
            kind = "classes"
        if kind == "classes" and width == 1:
            kind = "labels"
    if kind == "classes":
        if numbers:
            data_module.check_labels(labels.reshape(-1), width, name)
        else:
            _check_columns(labels, shape, width, name)
            if loss is None:
                _check_shares_of_classes(labels, name)
        fitting = loss_for_labels(loss or found, numbered=numbers, name=name)
        return OutputTask(kind, width, fitting, activation, width, numbers)
    if kind == "labels":
        if width == 1:
            data_module.check_labels(labels.reshape(-1), 2, name)
        else:
            _check_columns(labels, shape, width, name)
            _check_share(labels, name)
        classes = 2 if width == 1 else width
        return OutputTask(kind, classes, loss or _BINARY, activation, width)
    _check_columns(labels, shape, width, name)
    if loss is None and activation == "sigmoid":
        _check_reach(labels, name)
    return OutputTask("numbers", width, loss or _SQUARED, activation, width)


def _kind(
    labels: np.ndarray, numbers: bool, activation: str | None, width: int
) -> tuple[str, str]:
    """Returns the kind of an output, and the loss, as labels and activation tell."""
    logits = activation in (None, "softmax", "sigmoid")
    if numbers and width > 1:
        return "classes", _SPARSE
    if activation == "softmax":
        return "classes", _CATEGORICAL
    binary = _is_binary(labels)
    whole = bool(np.array_equal(labels, np.rint(labels)))
    if logits and (binary or (activation == "sigmoid" and whole)):
        one_hot = width > 1 and bool((labels.sum(-1) == 1).all())
        if one_hot and activation is None:
            return "classes", _CATEGORICAL
        return "labels", _BINARY
    return "numbers", _SQUARED


def _is_numbers_of_classes(
    labels: np.ndarray, shape: tuple[int | None, ...], width: int
) -> bool:
    """Whether there is one label where the output has a row."""
    rank = len(shape)
    if width == 1:
        return False
    return labels.ndim == rank - 1 or (labels.ndim == rank and labels.shape[-1] == 1)


def _is_binary(labels: np.ndarray) -> bool:
    return bool(((labels == 0) | (labels == 1)).all())


def _check_columns(
    labels: np.ndarray, shape: tuple[int | None, ...], width: int, name: str
) -> None:
    rank = len(shape)
    fits = labels.ndim == rank and labels.shape[-1] == width
    if not fits and not (width == 1 and labels.ndim == rank - 1):
        raise DataError(
            f"{name} must fit the model's output of shape {shape}: the same shape, or "
            "class numbers without the last axis. "
            f"Received: labels of shape {labels.shape}"
        )


def _check_shares_of_classes(labels: np.ndarray, name: str) -> None:
    low, total = labels.min(), labels.sum(-1).max()
    if low < 0 or total > 1 + _ROUNDING:
        raise DataError(
            f"{name} must be class numbers, or rows with the share of each class that "
            "add up to 1; a model of numbers, or of several labels at once, does not "
            f"end in softmax. Received: shares from {low:g}, rows that add up to "
            f"{total:g}"
        )


def _check_reach(labels: np.ndarray, name: str) -> None:
    low, high = labels.min(), labels.max()
    if low < 0 or high > 1:
        raise DataError(
            f"{name} must hold class numbers from 0 to 1, or shares, for a sigmoid "
            "gives nothing else; a model of other numbers ends without it. "
            f"Received: numbers from {low:g} to {high:g}"
        )


def _check_share(labels: np.ndarray, name: str) -> None:
    low, high = labels.min(), labels.max()
    if low < 0 or high > 1:
        raise DataError(
            f"{name} must hold 0 or 1 for each of several labels. "
            f"Received: numbers from {low} to {high}"
        )
