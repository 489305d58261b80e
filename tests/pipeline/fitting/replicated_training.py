"""Trains stages on one device and on two, and prints what differs.

Run in a process of its own, for virtual devices are made for all of it.
"""

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tfcompress.pipeline import (
    ClusterWeights,
    Distil,
    FineTune,
    Joint,
    PruneWeights,
    Quantize,
    Training,
)
from tfcompress.pipeline.fitting import fit_stage

X = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
Y = X[:, :3].argmax(-1)


def build(library, seed):
    library.utils.set_random_seed(seed)
    layers = library.layers
    return library.Sequential(
        [
            library.Input((8,)),
            layers.Dense(16, "relu"),
            layers.Dense(3, "softmax"),
        ]
    )


def train(stage, model, teacher, strategy, backup=None):
    fitted = fit_stage(
        stage,
        model,
        teacher=teacher,
        train=(X, Y),
        validation=(X, Y),
        seed=3,
        backup=backup,
        keep_zeros=stage.kind == "fine_tune",
        strategy=strategy,
    )
    return fitted.model.get_weights()


def difference(first, second):
    pairs = zip(first, second, strict=True)
    return max(float(np.abs(one - two).max()) for one, two in pairs)


def main():
    device = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(device, two)
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    training = Training(epochs=2)
    techniques = (PruneWeights(sparsity=0.5, training=None), Quantize(training=None))
    found = {}
    for library in (keras, tf_keras):
        model, teacher = build(library, 1), build(library, 2)
        once = PruneWeights(sparsity=0.5, training=None)
        sparse = fit_stage(
            once,
            model,
            teacher=None,
            train=(X, Y),
            validation=None,
            seed=3,
            backup=None,
        ).model
        cases = [
            (FineTune(training=training), sparse),
            (ClusterWeights(clusters=4, training=training), sparse),
            (Distil(training=training), model),
            (Joint(training=training, techniques=techniques), model),
        ]
        for stage, start in cases:
            with tempfile.TemporaryDirectory() as folder:
                backup = Path(folder) / "backup.npz"
                one = train(stage, start, teacher, None)
                both = train(stage, start, teacher, strategy, backup)
                again = train(stage, start, teacher, strategy, backup)
            found[f"{library.__name__} {stage.kind}"] = {
                "replicas": difference(one, both),
                "again": difference(both, again),
                "zeros": [float((w == 0).mean()) for w in both if w.ndim > 1],
            }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
