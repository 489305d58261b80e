"""Zero weights that stay zero while a quantization-aware model trains."""

from typing import Any

import tensorflow as tf

from tfcompress.keras_compat import internals, tfmot_layers


def keep_zeros(model: Any) -> None:
    """Lets no optimizer change what is zero in the kernels of a model.

    TF-MOT keeps zeros where its quantizer for pruned weights rounds a kernel: not in
    other kinds of layers, nor in those that stay float, nor in a Conv2D or Dense with a
    ReLU layer behind it.

    Args:
        model: A quantization-aware tf_keras model. Its kernels get a constraint.
    """
    for layer in model.layers:
        for kernel in tfmot_layers.kernels(layer):
            stays = tf.cast(tf.not_equal(kernel, 0), kernel.dtype)
            if not bool(tf.reduce_all(stays == 1)):
                internals.add_constraint(kernel, lambda value, s=stays: value * s)
