"""Whether a model can be run on data."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfcompress.data import first, leaves
from tfcompress.errors import DataError


def check_fits(model: Any, data: Any) -> None:
    """Raises an error if a model does not take the inputs of a data set.

    The model is run on the first batch, so all is taken that its Keras takes.

    Args:
        model: A built model of either Keras.
        data: Data in a form that `tfcompress.data.batches` accepts.

    Raises:
        DataError: Says which shapes the model takes and which came, or what TensorFlow
            says of the values.
    """
    x = first(data).x
    with explain_misfit(model, x):
        model(x, training=False)


@contextlib.contextmanager
def explain_misfit(model: Any, x: Any) -> Iterator[None]:
    """Turns what Keras and TensorFlow say of unfit inputs into a `DataError`.

    Args:
        model: The model of either Keras that is run meanwhile.
        x: The inputs that it is run on.

    Yields:
        Nothing.

    Raises:
        DataError: As `check_fits` does.

    Example:
    ```python
    with explain_misfit(model, x):
        model.predict_on_batch(x)
    ```
    """
    import tensorflow as tf  # A model is here, so it has been loaded before.

    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"Data must fit the inputs of the model, of shapes {_taken(model)}. "
            f"Received: x of shapes {_given(x)}"
        ) from error
    except tf.errors.OpError as error:
        raise DataError(
            f"Data must fit the inputs of the model, of shapes {_taken(model)}, and "
            f"hold values that it can be run on. Received: x of shapes {_given(x)} "
            f"({_cause(error.message)})"
        ) from error


def _taken(model: Any) -> list[tuple[int | None, ...]]:
    return [tuple(tensor.shape) for tensor in model.inputs or []]


def _given(x: Any) -> list[tuple[int, ...]]:
    return [np.shape(array) for array in leaves(x)]


def _cause(message: str) -> str:
    """Returns the line of TensorFlow's message that says what is wrong."""
    plain = re.sub(r"\x1b\[\d*m|\{\{.*?\}\}", "", message)
    found = re.search(r"([^\n]+)\s*(?:\[\[\]\])?\s*\[Op:", plain)
    return (found[1] if found else plain[:200]).strip()
