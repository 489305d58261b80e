"""Zeros of an earlier pruning stay zero while a model trains on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat


def zero_holder(model: Any) -> Any:
    """Returns a callback that keeps the zeros that kernels have, or None.

    After each step the kernels are masked again, as TF-MOT's wrapper does in its call;
    this needs no wrapper, and so serves models of either Keras as they are. Whether a
    zero was pruned, or is what a kernel began as, such as the identity, cannot be seen;
    so this is for models that were pruned. Kernels that are all zero are left alone:
    they have not been trained yet.

    Args:
        model: A pruned model, in the state that its training starts from.

    Returns:
        A callback of the model's Keras; None where no kernel has a zero.

    Example:
    ```python
    from tfcompress.pipeline.fitting.held_zeros import zero_holder

    holder = zero_holder(sparse_model)
    model.fit(x, y, callbacks=[holder])
    ```
    """
    held = []
    for variable in model.trainable_variables:
        if len(variable.shape) < 2:
            continue
        mask = np.not_equal(variable.numpy(), 0)
        if mask.any() and not mask.all():
            held.append((variable, tf.cast(mask, _name_of_dtype(variable))))
    if not held:
        return None

    @tf.function
    def hold() -> None:
        for variable, mask in held:
            variable.assign(variable * mask)

    return _callback(keras_compat.keras_of(model), hold)


def _callback(library: Any, hold: Callable[[], Any]) -> Any:
    strategy = tf.distribute.get_strategy()

    class HoldZeros(library.callbacks.Callback):
        """Masks kernels after each step."""

        def on_train_begin(self, logs: Any = None) -> None:
            # Traced here, the function does not make tf_keras warn of a slow callback.
            with strategy.scope():
                hold()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            with strategy.scope():
                hold()

    return HoldZeros()


def _name_of_dtype(variable: Any) -> str:
    dtype = variable.dtype
    return dtype if isinstance(dtype, str) else dtype.name
