"""A child process of `test_pruned_training.py`: prunes on two virtual CPUs.

It is called with a file for what it found, as JSON.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import tfcompress as tfc


def build(module):
    """A small network with a convolution and a recurrent layer."""
    return module.Sequential(
        [
            module.Input((6, 4)),
            module.layers.Conv1D(8, 3, name="conv"),
            module.layers.BatchNormalization(),
            module.layers.GRU(5, name="gru"),
            module.layers.Dense(3, name="dense"),
        ]
    )


def train(module, strategy, steps_per_execution):
    """Prunes a model on replicas, and returns the zeros and weights of each kernel."""
    random = np.random.default_rng(0)
    x = random.normal(size=(32, 6, 4)).astype(np.float32)
    y = random.integers(0, 3, 32)
    model = build(module)
    pruning = tfc.pruning.MagnitudePruning(0.75)
    with strategy.scope():
        pruned = pruning.apply(model)
        pruned.compile(
            keras.optimizers.Adam(0.01),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=steps_per_execution,
        )
    pruned.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=pruning.callbacks())
    final = pruning.finalize(pruned)
    differences = np.abs(np.asarray(final(x)) - np.asarray(pruned(x, training=False)))
    kernels = {
        f"{name}/{number}": np.asarray(final.get_layer(name).get_weights()[number])
        for name, number in (("conv", 0), ("gru", 0), ("gru", 1), ("dense", 0))
    }
    return {
        "zeros": {name: [int((k == 0).sum()), k.size] for name, k in kernels.items()},
        "difference": float(differences.max()),
        "module": type(final).__module__.split(".")[0],
    }


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    mirrored = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    found = {
        "keras": train(keras, mirrored, 1),
        "tf_keras": train(tfc.keras_compat.tf_keras(), mirrored, 2),
        "replicas": mirrored.num_replicas_in_sync,
    }
    Path(sys.argv[1]).write_text(json.dumps(found))
