"""Whether a model can be run on data."""

from typing import Any

import numpy as np
import tensorflow as tf

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
    try:
        model(x, training=False)
    except (KeyError, TypeError, ValueError) as error:
        expected = [tuple(tensor.shape) for tensor in model.inputs]
        shapes = [np.shape(array) for array in leaves(x)]
        raise DataError(
            f"Data must fit the inputs of the model, of shapes {expected}. "
            f"Received: x of shapes {shapes}"
        ) from error
    except tf.errors.OpError as error:
        raise DataError(
            "Data must hold values that the model can be run on. "
            f"Received: {error.message[:200]}"
        ) from error
