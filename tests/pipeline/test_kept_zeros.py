"""Zeros that a pipeline made stay, and others are weights like any."""

import keras
import numpy as np

from tfcompress.pipeline import FineTune, Pipeline, PruneWeights, Training

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = X[:, :3].argmax(1)


def test_zeros_stay_after_a_pruning_of_this_pipeline_alone(tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(6, kernel_initializer="identity", name="hidden"),
            layers.Dense(3, "softmax"),
        ]
    )
    once = Training(epochs=1)
    pipeline = Pipeline(
        [
            FineTune(name="before", training=once),
            PruneWeights(name="pruned", sparsity=0.5, training=None),
            FineTune(name="after", training=once),
        ],
        name="zeros",
    )
    pipeline.run(model, (X, Y), (X, Y), directory=tmp_path, verbose=0)

    shares = {}
    for number, name in enumerate(pipeline.names, start=1):
        made = keras.models.load_model(tmp_path / f"{number:02d}-{name}/model.keras")
        zeros = np.equal(made.get_layer("hidden").kernel.numpy(), 0)
        shares[name] = float(zeros.mean())
    assert shares == {"before": 0, "pruned": 0.5, "after": 0.5}
