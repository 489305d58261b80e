"""One of the workers of `test_workers.py`, of which TF_CONFIG tells."""

import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfcompress.pipeline import (
    Distillation,
    Evaluate,
    Export,
    Pipeline,
    PruneWeights,
    Training,
    TrainTeacher,
)


def run(strategy, directory):
    """Runs a small pipeline under a strategy, or none."""
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 6)).astype("float32")
    data = x, x[:, :3].argmax(1)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    pipeline = Pipeline(
        [
            TrainTeacher(training=Training(epochs=3, learning_rate=0.02)),
            PruneWeights(name="at_once", sparsity=0.3, training=None),
            PruneWeights(
                sparsity=0.5, training=Training(epochs=2), distillation=Distillation()
            ),
            Export(target="cpu_float32"),
            Evaluate(seconds=0.01),
        ]
    )
    return pipeline.run(
        model, data, data, directory=directory, strategy=strategy, verbose=0
    )


def main(directory, path):
    """Runs twice, and tells what was done and what came out."""
    strategy = None
    if "TF_CONFIG" in os.environ:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    first, second = run(strategy, directory), run(strategy, directory)
    found = {
        "done": [[s.reused for s in r.stages.values()] for r in (first, second)],
        "weights": [value.tolist() for value in first.model.get_weights()],
        "again": [value.tolist() for value in second.model.get_weights()],
        "history": first.stages["prune_weights"].history,
        "sha256": first.artifact.sha256,
        "accuracy": first.comparison["export"].quality["accuracy"],
        "replicas": 1 if strategy is None else strategy.num_replicas_in_sync,
    }
    Path(path).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
