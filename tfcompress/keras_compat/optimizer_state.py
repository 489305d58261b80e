"""What an optimizer remembers from step to step."""

from typing import Any

import tensorflow as tf

from tfcompress.keras_compat import modules


def optimizer_state(optimizer: Any) -> list[Any]:
    """Returns all variables of an optimizer, in an order that depends on it alone.

    `variables` of tf_keras leaves out a learning rate that callbacks set, the loss
    scale of mixed precision, and a product that Nadam keeps.

    Args:
        optimizer: An optimizer of either Keras, built for the variables it trains.

    Returns:
        Its variables, each once.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat.optimizer_state import optimizer_state

    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable([1.0])])
    assert len(optimizer_state(optimizer)) == 4  # steps, learning rate, two moments
    ```
    """
    known = list(optimizer.variables)
    if isinstance(optimizer, modules.keras().optimizers.Optimizer):
        return known
    places = {id(variable) for variable in known}
    parts = tf.train.TrackableView(optimizer).descendants()
    others = [each for each in parts if isinstance(each, tf.Variable)]
    return [*known, *(each for each in others if id(each) not in places)]
