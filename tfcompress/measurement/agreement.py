"""How often two models say the same."""

from typing import Any

import numpy as np

from tfcompress.errors import ModelError
from tfcompress.measurement.prediction import Predictions, predict_each


def agreement(
    first: Any, second: Any, data: Any, *, batch_size: int = 256, threads: int = 1
) -> float:
    """Measures the share of samples for which two models choose the same class.

    It needs no labels, and shows differences that equal accuracy hides: two models
    may be wrong on different samples.

    Args:
        first: A Keras 3 or tf_keras model, or the path of a `.tflite` file.
        second: The other one.
        data: Data in a form that `tfcompress.data.batches` accepts; read once.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for `.tflite` files.

    Returns:
        A share from 0 to 1.

    Raises:
        DataError: If data is empty or does not fit the models.
        ModelError: If a model or file cannot be used, or if the two do not have the
            same number of classes.

    Example:
    ```python
    share = tfc.measurement.agreement(teacher, "small.tflite", images)
    ```
    """
    return share_agreement(
        *predict_each([first, second], data, batch_size=batch_size, threads=threads)
    )


def share_agreement(first: Predictions, second: Predictions) -> float:
    """Computes the share of samples with the same class in both predictions.

    Args:
        first: Predictions on a data set.
        second: Predictions of another model on the same samples, in the same order.

    Returns:
        A share from 0 to 1.

    Raises:
        ModelError: If the two do not have the same number of classes.
    """
    counts = [max(part.scores.shape[1], 2) for part in (first, second)]
    if counts[0] != counts[1]:
        raise ModelError(
            "Models can agree only if they know the same classes. "
            f"Received: one with {counts[0]} classes, one with {counts[1]}"
        )
    return float(np.mean(first.classes == second.classes))
