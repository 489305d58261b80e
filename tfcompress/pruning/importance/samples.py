"""Data for an importance that runs the model."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfcompress.data import Batch, batches, check_finite, describe, leaves
from tfcompress.errors import DataError


def read_samples(
    data: Any, model: Any, *, batch_size: int, labels: bool
) -> Iterator[Batch]:
    """Yields batches of data that fit a model.

    Args:
        data: In a form that `tfcompress.data.batches` accepts.
        model: A built model.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        labels: Whether there must be labels.

    Raises:
        DataError: If data is empty or not finite, has no labels though it must, or
            does not fit the model.
    """
    expected = [tuple(tensor.shape) for tensor in model.inputs]
    for batch in batches(data, batch_size=batch_size):
        check_finite(batch.x, "x")
        shapes = [tuple(array.shape) for array in _arrays(batch.x, model)]
        if len(shapes) != len(expected) or not all(map(_fits, shapes, expected)):
            raise DataError(
                f"Data must fit the inputs of the model, of shapes {expected}. "
                f"Received: x of shapes {shapes}"
            )
        if labels and batch.y is None:
            raise DataError(
                "This importance compares the model's answers with labels: give data "
                f"with both, such as (x, y). Received: {describe(data)}"
            )
        check_finite(batch.y, "y")
        yield batch


def _arrays(x: Any, model: Any) -> list[Any]:
    """Returns the arrays of a batch in the order of the inputs of a model."""
    if not isinstance(x, Mapping):
        return leaves(x)
    names = [tensor.name for tensor in model.inputs]
    return [x[name] for name in (names if set(names) <= set(x) else sorted(x))]


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    # A Keras model takes (samples,) for an input of shape (samples, 1).
    if expected[1:] == (1,) and len(shape) == 1:
        return True
    return len(shape) == len(expected) and all(
        size is None or size == found
        for found, size in zip(shape[1:], expected[1:], strict=True)
    )
