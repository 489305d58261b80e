"""Folds channels that are the same number everywhere into the biases behind them."""

from typing import Any

from tfcompress import keras_compat
from tfcompress.graph import fold_constant_channels as fold
from tfcompress.pruning.structured import check_prunable, read_plain


def fold_constant_channels(model: Any) -> Any:
    """Returns a model that computes the same without taking in constant channels.

    A channel whose kernel is all zero, or whose batch normalization has a scale of
    zero, as after training with a penalty on either, is still the same number
    everywhere: what its bias and normalization make of nothing. Removing it takes this
    number away from the layer behind, unless it is put into the bias there first, which
    this does where it is exact: see `tfcompress.graph.fold_constant_channels`.
    `ChannelPruning` then removes the channel without any loss, and as one of the first.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed. Models inside it are dissolved into their layers.

    Returns:
        A model of the same Keras with weights of its own, not compiled.

    Raises:
        ModelError: If the model is subclassed, not built, or wrapped by a technique.

    Example:
    ```python
    folded = tfc.pruning.fold_constant_channels(model)
    small = tfc.pruning.ChannelPruning(0.25).apply(folded)
    ```
    """
    check_prunable(model)
    keras = keras_compat.origin_of(model)
    return keras_compat.build(fold(read_plain(model, keras)), keras=keras)
