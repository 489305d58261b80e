# %% [markdown]
"""Images: a residual network at half the work and an eighth of the bytes.

A network is trained, loses the channels that matter least until it takes half the
multiply-adds, and trains with the rounding of its file, taught both times by the
network that it was. The table compares the two.

Run it with `python examples/image_classification.py`. With `--data cifar10_jpeg.npz` it
takes CIFAR-10 as JPEG images: `jpeg_train` and `jpeg_test` are all of them joined as
bytes, image i is bytes `offset_train[i]` to `offset_train[i + 1]`, and `y_train` and
`y_test` are the classes. Without, it takes the handwritten digits of scikit-learn.
"""

# %%
# %pip install --quiet tfcompress

# %%
import argparse
import math
import tempfile
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
parser.add_argument("--quick", action="store_true", help="train for a minute only")
parser.add_argument("--directory", type=Path, help="keeps what is done, to go on there")
arguments = parser.parse_args(["--quick"] if "get_ipython" in globals() else None)
directory = arguments.directory or Path(tempfile.mkdtemp(prefix="tfcompress-images-"))
epochs, epochs_pruned, epochs_quantized = (2, 1, 1) if arguments.quick else (6, 4, 2)
few = 1_000 if arguments.quick else 10_000

# %% [markdown]
# ## The data
# Each image to train on comes in several views, of which half are mirrored and all are
# moved by up to four points.


# %%
def read_jpeg(path: Path, part: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first images of a part of the file, and their classes."""
    file = np.load(path)
    data, offset = file[f"jpeg_{part}"], file[f"offset_{part}"]
    labels = file[f"y_{part}"][:count].astype("int32")
    images = [
        tf.io.decode_jpeg(data[offset[i] : offset[i + 1]].tobytes()).numpy()
        for i in range(len(labels))
    ]
    return np.stack(images), labels


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns handwritten digits as images of the size of CIFAR's."""
    images, labels = load_digits(return_X_y=True)
    points = np.kron(images.reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 3)))
    return (points * 255 / 16).astype("uint8"), labels.astype("int32")


def draw_views(
    images: np.ndarray, labels: np.ndarray, views: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each image in several views."""
    generator = np.random.default_rng(0)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    drawn = []
    for view in range(views):
        mirrored = padded[:, :, ::-1] if view % 2 else padded
        corners = generator.integers(0, 9, (len(images), 2))
        drawn += [
            image[row : row + 32, column : column + 32]
            for image, (row, column) in zip(mirrored, corners, strict=True)
        ]
    return np.stack(drawn), np.tile(labels, views)


if arguments.data:
    images, labels = read_jpeg(arguments.data, "train", few)
    test = read_jpeg(arguments.data, "test", few)
else:
    images, images_test, labels, labels_test = train_test_split(
        *read_digits(), test_size=0.25, random_state=0
    )
    test = images_test, labels_test
x, x_validation, y, y_validation = train_test_split(
    images, labels, test_size=0.1, random_state=0
)
train, validation = draw_views(x, y), (x_validation, y_validation)

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
    steps = epochs * math.ceil(len(train[0]) / 128)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        *train, batch_size=128, epochs=epochs, validation_data=validation, verbose=2
    )
    directory.mkdir(parents=True, exist_ok=True)
    model.save(path)

# %% [markdown]
# ## The whole way to its file
# A stage that is done stays in the directory, and is not done again.

# %%
pipeline = Pipeline(
    [
        PruneChannels(
            macs=0.5,
            training=Training(epochs=epochs_pruned, batch_size=128),
            distillation=Distillation(),
        ),
        Quantize(
            training=Training(
                epochs=epochs_quantized, batch_size=128, learning_rate=1e-4
            ),
            distillation=Distillation(),
        ),
        Export(target="cpu_int8"),
        Evaluate(),
    ]
)
result = pipeline.run(model, train, validation, test=test, directory=directory / "run")
print(result.comparison)
print(f"Written to {result.artifact.path}")
