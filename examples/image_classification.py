# %% [markdown]
"""Images: a residual network at half the work and an eighth of the bytes.

A network is trained, loses the channels that matter least until it takes half the
multiply-adds, and trains with the rounding of its file, taught both times by the
network that it was. The table compares the two.

Run it with `python examples/image_classification.py`. With `--data cifar10.npz` it
takes color images of 32 by 32 points: `x_train`, `y_train`, `x_test` and `y_test`, as
`keras.datasets.cifar10.load_data` gives them; or, in the place of `x_train`, JPEG files
joined as bytes, `jpeg_train`, of which image i is `offset_train[i]` to
`offset_train[i + 1]`. Without, it takes the handwritten digits of scikit-learn.
"""

# %%
# %pip install --quiet tfcompress

# %%
import argparse
import math
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tfcompress.pipeline import (
    Distillation,
    Evaluate,
    Export,
    Pipeline,
    PruneChannels,
    Quantize,
    Training,
)

# %% [markdown]
# ## Settings
# A notebook has no command line: there, change the list.

# %%
parser = argparse.ArgumentParser(description="A smaller network for images.")
parser.add_argument("--data", type=Path, help="an .npz file; without it, small data")
parser.add_argument("--quick", action="store_true", help="a try: figures mean little")
parser.add_argument("--directory", type=Path, help="keeps what is done, to go on there")
arguments = parser.parse_args(["--quick"] if "get_ipython" in globals() else None)
directory = arguments.directory or Path(tempfile.mkdtemp(prefix="tfcompress-images-"))
epochs, epochs_pruned, epochs_quantized = (4, 2, 1) if arguments.quick else (8, 6, 2)
few, batch = (2_000, 32) if arguments.quick else (None, 128)

# %% [markdown]
# ## The data
# Images to train on are moved a little, and half of them mirrored.


# %%
def read_images(path: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images of a part of the file, and their classes."""
    file = np.load(path)
    labels = file[f"y_{part}"][:few].astype("int32").ravel()
    if f"x_{part}" in file:
        return file[f"x_{part}"][:few], labels
    data, offset = file[f"jpeg_{part}"], file[f"offset_{part}"]
    files = [data[i:j].tobytes() for i, j in pairwise(offset[: len(labels) + 1])]
    return np.stack([tf.io.decode_jpeg(file) for file in files]), labels


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns handwritten digits as images of the size of CIFAR's."""
    images, labels = load_digits(return_X_y=True)
    points = np.kron(images.reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 3)))
    return (points * 255 / 16).astype("uint8"), labels.astype("int32")


def vary(images: np.ndarray) -> np.ndarray:
    """Returns images moved by up to four points, half of them mirrored."""
    generator = np.random.default_rng(0)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    corners = generator.integers(0, 9, (len(images), 2))
    moved = [
        image[row : row + 32, column : column + 32]
        for image, (row, column) in zip(padded, corners, strict=True)
    ]
    moved[::2] = [image[:, ::-1] for image in moved[::2]]
    return np.stack(moved)


if arguments.data:
    images, labels = read_images(arguments.data, "train")
    test = read_images(arguments.data, "test")
else:
    images, images_test, labels, labels_test = train_test_split(
        *read_digits(), test_size=0.25, random_state=0
    )
    test = images_test, labels_test
x, x_validation, y, y_validation = train_test_split(
    images, labels, test_size=0.1, random_state=0
)
train, validation = (vary(x), y), (x_validation, y_validation)

# %% [markdown]
# ## The model
# What you bring: a model of Keras 3, built and trained as always.


# %%
def convolve(x: Any, width: int, strides: int = 1) -> Any:
    """Applies a 3 by 3 convolution and batch normalization."""
    x = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization(momentum=0.9)(x)


def residual(x: Any, width: int, strides: int) -> Any:
    """Applies a residual block of two convolutions."""
    branch = keras.layers.ReLU()(convolve(x, width, strides))
    branch = convolve(branch, width)
    if strides > 1:
        x = keras.layers.Conv2D(width, 1, strides, use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.layers.ReLU()(keras.layers.Add()([x, branch]))


def build() -> keras.Model:
    """Builds a residual network that ends in the logits of ten classes."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.ReLU()(convolve(x, 32, 2))
    for width, strides in ((32, 1), (64, 2), (128, 2)):
        x = residual(x, width, strides)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x), name="images")


path = directory / "trained.keras"
if path.exists():
    model = keras.models.load_model(path)
else:
    keras.utils.set_random_seed(0)
    model = build()
    steps = epochs * math.ceil(len(train[0]) / batch)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        *train, batch_size=batch, epochs=epochs, validation_data=validation, verbose=2
    )
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)

# %% [markdown]
# ## The whole way to its file
# A stage that is done stays in the directory, and is not done again.

# %%
taught = Distillation(cached=True)  # the teacher runs once over the data
pipeline = Pipeline(
    [
        PruneChannels(
            macs=0.5,
            training=Training(epochs=epochs_pruned, batch_size=batch),
            distillation=taught,
        ),
        Quantize(
            training=Training(
                epochs=epochs_quantized, batch_size=batch, learning_rate=1e-4
            ),
            distillation=taught,
        ),
        Export(target="cpu_int8"),
        Evaluate(),
    ]
)
result = pipeline.run(model, train, validation, test=test, directory=directory / "run")
print(result.comparison)
print(f"Written to {result.artifact.path}")
