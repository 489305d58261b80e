# %% [markdown]
"""Regression: a network for a table of numbers at a third of its bytes.

A network of dense layers is trained, four in five of its weights become zero, and what
is left trains with the rounding of its file, taught both times by the network that it
was. The table compares the two.

Run it with `python examples/regression.py`. With `--data table.csv` it takes a table of
numbers under a line of names; the last column is to be told from the others. Without,
it takes the first function of Friedman, which scikit-learn draws.
"""

# %%
# %pip install --quiet tfcompress

# %%
import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tfcompress.pipeline import (
    Distillation,
    Evaluate,
    Export,
    Pipeline,
    PruneWeights,
    Quantize,
    Training,
)

# %% [markdown]
# ## Settings
# A notebook has no command line: there, change the list.

# %%
parser = argparse.ArgumentParser(description="A smaller network for regression.")
parser.add_argument("--data", type=Path, help="a .csv file; without it, drawn data")
parser.add_argument("--quick", action="store_true", help="a try: figures mean little")
parser.add_argument("--directory", type=Path, help="keeps what is done, to go on there")
arguments = parser.parse_args(["--quick"] if "get_ipython" in globals() else None)
directory = arguments.directory or Path(tempfile.mkdtemp(prefix="tfcompress-numbers-"))
epochs, epochs_pruned, epochs_quantized = (
    (15, 10, 3) if arguments.quick else (60, 40, 10)
)

# %% [markdown]
# ## The data
# Columns and numbers to tell are scaled by what is trained on.

# %%
if arguments.data:
    table = np.loadtxt(arguments.data, delimiter=",", skiprows=1)
    x, y = table[:, :-1], table[:, -1]
else:
    x, y = make_friedman1(4_000, n_features=12, noise=0.5, random_state=0)
parts = train_test_split(x, y[:, np.newaxis], test_size=0.2, random_state=0)
x, x_test, y, y_test = parts
x, x_validation, y, y_validation = train_test_split(x, y, test_size=0.2, random_state=0)
columns, target = StandardScaler().fit(x), StandardScaler().fit(y)
train, validation, test = (
    (columns.transform(x).astype("float32"), target.transform(y).astype("float32"))
    for x, y in ((x, y), (x_validation, y_validation), (x_test, y_test))
)

# %% [markdown]
# ## The model
# What you bring: a model of Keras 3, built and trained as always.

# %%
path = directory / "trained.keras"
if path.exists():
    model = keras.models.load_model(path)
else:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(train[0].shape[1:]),
            layers.Dense(128, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(1),
        ],
        name="numbers",
    )
    model.compile(keras.optimizers.Adam(2e-3), loss="mse", metrics=["mae"])
    best = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    model.fit(
        *train,
        batch_size=64,
        epochs=epochs,
        validation_data=validation,
        callbacks=[best],
        verbose=2,
    )
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)

# %% [markdown]
# ## The whole way to its file
# A stage that is done stays in the directory, and is not done again.

# %%
pipeline = Pipeline(
    [
        PruneWeights(
            sparsity=0.8,
            training=Training(epochs=epochs_pruned, batch_size=64),
            distillation=Distillation(),
        ),
        Quantize(
            training=Training(
                epochs=epochs_quantized, batch_size=64, learning_rate=2e-4
            ),
            distillation=Distillation(),
        ),
        Export(target="cpu_int8_float_io"),
        Evaluate(metrics=("r2", "mae")),
    ]
)
result = pipeline.run(model, train, validation, test=test, directory=directory / "run")
print(result.comparison)
print(f"Written to {result.artifact.path}")
