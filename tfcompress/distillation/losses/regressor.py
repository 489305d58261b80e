"""The regressor: what a student's features pass through to be compared."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_maps import (
    adaptive_average_pool,
    spatial_sizes,
)
from tfcompress.errors import ModelError


def build_regressor(
    student_shape: Sequence[int | None],
    teacher_shape: Sequence[int | None],
    library: Any,
    name: str,
) -> Any:
    """Returns a small trainable model from a student's features to a teacher's.

    Vectors, sequences of one length and sequences whose length is not known pass
    through a Dense layer; maps of the same size through a convolution of size 1. Where
    the student's map is larger along an axis, the convolution strides; where it is
    smaller, a transposed one spreads it out, to the nearest whole multiple;
    `fit_to_teacher` then brings it to the very size. Of a map compared with a vector
    the mean over positions is taken. The regressor is linear, for the features of a
    teacher may be negative, and computes in float32.

    Args:
        student_shape: Shape of the student's features, `(batch, channels)` or
            `(batch, *spatial, channels)` with up to three spatial axes; None where a
            size is not known.
        teacher_shape: The same of the teacher.
        library: The Keras that the student lives in: the module `keras` or `tf_keras`.
        name: Name of the regressor, from which those of its layers derive.

    Returns:
        A built `library.Sequential`.

    Raises:
        ModelError: If one has no channels, a number of channels that is not known, or
            a different number of spatial axes (0 excepted).

    Example:
    ```python
    import keras

    regressor = build_regressor((None, 8, 8, 16), (None, 4, 4, 32), keras, "hint")
    ```
    """
    _check(student_shape, teacher_shape, name)
    layers, channels = library.layers, teacher_shape[-1]
    settings: dict[str, Any] = {"dtype": "float32"}
    axes = len(student_shape) - 2
    stack: list[Any] = [library.Input(tuple(student_shape[1:]), dtype="float32")]
    if len(teacher_shape) == 2 and axes:
        pooling = getattr(layers, f"GlobalAveragePooling{axes}D")
        stack.append(pooling(name=f"{name}_pooling", **settings))
    if not axes or len(teacher_shape) == 2:
        stack.append(layers.Dense(channels, name=f"{name}_dense", **settings))
        return library.Sequential(stack, name=name)
    pairs = list(zip(student_shape[1:-1], teacher_shape[1:-1], strict=True))
    down = [_multiple(student, teacher) for student, teacher in pairs]
    up = [_multiple(teacher, student) for student, teacher in pairs]
    if max(down) > 1:
        stack.append(
            getattr(layers, f"Conv{axes}D")(
                channels,
                [1 if stride == 1 else stride + 1 for stride in down],
                strides=down,
                padding="same",
                name=f"{name}_convolution",
                **settings,
            )
        )
    if max(up) > 1:
        stack.append(
            getattr(layers, f"Conv{axes}DTranspose")(
                channels,
                [1 if stride == 1 else stride + 2 for stride in up],
                strides=up,
                padding="same",
                name=f"{name}_transposed_convolution",
                **settings,
            )
        )
    if max(down + up) == 1 and axes == 1:
        stack.append(layers.Dense(channels, name=f"{name}_dense", **settings))
    elif max(down + up) == 1:
        convolution = getattr(layers, f"Conv{axes}D")
        stack.append(convolution(channels, 1, name=f"{name}_convolution", **settings))
    return library.Sequential(stack, name=name)


def fit_to_teacher(teacher: Any, student: Any, regressor: Any) -> tuple[Any, Any]:
    """Passes a student's features through a regressor, to the teacher's shape.

    Args:
        teacher: Float32 tensor of shape `(batch, ..., channels)`.
        student: Float32 tensor of the shape that the regressor was built for.
        regressor: What `build_regressor` returned.

    Returns:
        The teacher's features and the student's, of the same shape: that of the
        teacher, or where the student gives vectors, `(batch, channels)`.

    Example:
    ```python
    import keras
    import tensorflow as tf

    teacher, student = tf.ones((2, 5, 5, 32)), tf.ones((2, 8, 8, 16))
    regressor = build_regressor(student.shape, teacher.shape, keras, "hint")
    teacher, student = fit_to_teacher(teacher, student, regressor)
    ```
    """
    student = regressor(student)
    if student.shape.rank == 2 and teacher.shape.rank > 2:
        spatial = list(range(1, teacher.shape.rank - 1))
        return tf.reduce_mean(teacher, axis=spatial), student
    return teacher, adaptive_average_pool(student, spatial_sizes(teacher))


def _multiple(larger: int | None, smaller: int | None) -> int:
    """How many times one size goes into another, to the nearest whole number."""
    if larger is None or smaller is None:
        return 1
    return max(1, round(larger / smaller))


def _check(student_shape: Any, teacher_shape: Any, name: str) -> None:
    ranks = len(student_shape), len(teacher_shape)
    if (
        not all(2 <= rank <= 5 for rank in ranks)
        or (ranks[0] != ranks[1] and 2 not in ranks)
        or None in (student_shape[-1], teacher_shape[-1])
    ):
        raise ModelError(
            "A regressor needs features of shape (batch, channels) or (batch, "
            "*spatial, channels) with one to three spatial axes, as many on both sides "
            "or none on one, and a known number of channels. Name other layers, or put "
            f"a Reshape after them. Received: regressor {name!r} from the student's "
            f"{tuple(student_shape)} to the teacher's {tuple(teacher_shape)}"
        )
