"""The demo's two networks: a teacher, and a student of at most a tenth its size."""

from collections.abc import Sequence
from typing import Any

import keras

from tfcompress.errors import DataError

TEACHER_WIDTHS = ((32,), (64, 64), (144, 144))
STUDENT_WIDTHS = ((12, 12), (24, 24), (36, 40))
LARGEST_SIDE = 64


def build_student(shape: Sequence[int], classes: int, largest: int) -> Any:
    """Builds a student of at most so many parameters.

    The usual student is made narrower, by a twentieth at a time, until it fits.

    Args:
        shape: Height, width and channels of an image.
        classes: Width of the output.
        largest: Parameters that it may have.

    Raises:
        DataError: If there are so many classes that no student fits.
    """
    for percent in range(100, 0, -5):
        widths = [
            [max(1, width * percent // 100) for width in stage]
            for stage in STUDENT_WIDTHS
        ]
        student = build_network(shape, classes, widths, "student")
        if student.count_params() <= largest:
            return student
    raise DataError(
        "No student has a tenth of the teacher's parameters with so many classes. "
        f"Received: {classes} classes"
    )


def build_network(
    shape: Sequence[int], classes: int, widths: Sequence[Sequence[int]], name: str
) -> Any:
    """Builds a convolutional classifier that ends in logits.

    Stages of 3 by 3 convolutions, each with batch normalization and ReLU, halve the
    image between them where it is 8 pixels or more high and wide; their average goes
    to a Dense layer. Images of more than 64 pixels are averaged down first.

    Args:
        shape: Height, width and channels of an image.
        classes: Width of the output.
        widths: Channels of each convolution, stage by stage.
        name: Name of the model.
    """
    layers = keras.layers
    inputs = keras.Input(tuple(shape), name="image")
    x = inputs
    if max(shape[:2]) > LARGEST_SIDE:
        x = layers.AveragePooling2D(-(-max(shape[:2]) // LARGEST_SIDE), name="shrink")(
            x
        )
    for number, stage in enumerate(widths):
        if number and min(x.shape[1:3]) >= 8:
            x = layers.MaxPooling2D(name=f"stage{number}_pool")(x)
        for index, width in enumerate(stage):
            block = f"stage{number}_{index}"
            x = layers.Conv2D(
                width, 3, padding="same", use_bias=False, name=f"{block}_conv"
            )(x)
            x = layers.BatchNormalization(name=f"{block}_norm")(x)
            x = layers.ReLU(name=f"{block}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=name)
