"""A tiny model and its data, and how tests call the command line."""

import keras
import numpy as np

from tfcompress.cli.main import main, parse

RECIPE = """
name: tiny
stages:
  - quantize: {training: {epochs: 1, batch_size: 16}, distillation: {}}
  - export: {target: cpu_int8}
  - evaluate: {seconds: 0.02}
"""


def call(*arguments):
    """Runs a command in this process, and returns its exit code."""
    try:
        return main(parse(["tfcompress", *map(str, arguments)]))
    except SystemExit as stop:
        return stop.code


def make_model(width=8):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def make_arrays(samples=96):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 4)).astype(np.float32)
    return x, x[:, :3].argmax(-1)


def write_inputs(folder):
    """Writes `model.keras`, `student.keras`, `data.npz` and `recipe.yaml`."""
    model = make_model()
    x, y = make_arrays()
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=8, verbose=0)
    model.save(folder / "model.keras")
    make_model(4).save(folder / "student.keras")
    np.savez(folder / "data.npz", x=x, y=y)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder
