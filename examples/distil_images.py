"""CIFAR-10 images: a network of 25,000 weights learns from one of 310,000.

Run it with `python examples/distil_images.py --data cifar10_jpeg.npz`, where the file
holds JPEG images: `jpeg_train` and `jpeg_test` are all of them joined as bytes, image i
is bytes `offset_train[i]` to `offset_train[i + 1]`, and `y_train` and `y_test` are the
classes. Without `--data` it takes the handwritten digits of scikit-learn.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from distillation_comparison import METHODS, Task, compare, parse_arguments
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TRAIN_IMAGES = 10_000
VIEWS = 4


def read_jpeg(path: Path, part: str, count: int | None) -> tuple[np.ndarray, ...]:
    """Returns the first images of a part of the file, and their classes."""
    file = np.load(path)
    data, offset = file[f"jpeg_{part}"], file[f"offset_{part}"]
    labels = file[f"y_{part}"][:count].astype("int32")
    images = [
        tf.io.decode_jpeg(data[offset[i] : offset[i + 1]].tobytes()).numpy()
        for i in range(len(labels))
    ]
    return np.stack(images), labels


def make_images() -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Returns handwritten digits as images of the size of CIFAR's."""
    images, labels = load_digits(return_X_y=True)
    points = np.kron(images.reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 3)))
    points, labels = (points * 255 / 16).astype("uint8"), labels.astype("int32")
    x, x_test, y, y_test = train_test_split(points, labels, random_state=0)
    return (x, y), (x_test, y_test)


def draw_views(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns each image in several views: shifted by up to 4 points, half mirrored."""
    generator = np.random.default_rng(0)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    views = []
    for view in range(VIEWS):
        mirrored = padded[:, :, ::-1] if view % 2 else padded
        corners = generator.integers(0, 9, (len(images), 2))
        views += [
            image[row : row + 32, column : column + 32]
            for image, (row, column) in zip(mirrored, corners, strict=True)
        ]
    return np.stack(views), np.tile(labels, VIEWS)


def convolution(x: Any, width: int, strides: int = 1) -> Any:
    """Applies a 3 by 3 convolution and batch normalization."""
    x = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
    return keras.layers.BatchNormalization(momentum=0.9)(x)


def residual(x: Any, width: int, strides: int) -> Any:
    """Applies a residual block of two convolutions."""
    branch = keras.layers.ReLU()(convolution(x, width, strides))
    branch = convolution(branch, width)
    if strides > 1:
        x = keras.layers.Conv2D(width, 1, strides, use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.layers.ReLU()(keras.layers.Add()([x, branch]))


def classifier(inputs: Any, x: Any, name: str) -> keras.Model:
    """Returns the network that ends in the logits of ten classes."""
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(10)(x), name=name)


def build_teacher() -> keras.Model:
    """Builds a residual network."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.ReLU()(convolution(x, 32, 2))
    for width, strides in ((32, 1), (64, 2), (128, 2)):
        x = residual(x, width, strides)
    return classifier(inputs, x, "teacher")


def build_student() -> keras.Model:
    """Builds a plain network of four convolutions."""
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, strides in ((16, 2), (24, 1), (32, 2), (48, 2)):
        x = keras.layers.ReLU()(convolution(x, width, strides))
    return classifier(inputs, x, "student")


arguments = parse_arguments(__doc__.split("\n\n")[0])
few = 500 if arguments.quick else None
if arguments.data:
    train = read_jpeg(arguments.data, "train", few or TRAIN_IMAGES)
    test = read_jpeg(arguments.data, "test", few)
else:
    train, test = make_images()
compare(
    Task(
        name="images",
        train=draw_views(*train),
        test=test,
        build_teacher=build_teacher,
        build_student=build_student,
        methods=METHODS,
        teacher_epochs=2 if arguments.quick else 6,
        student_epochs=2 if arguments.quick else 6,
        learning_rate=3e-3,
    ),
    arguments,
)
