"""Bad models and bad data, found before hours of training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress import keras_compat
from tfcompress.errors import DataError, ModelError


def check_pair(teacher: Any, student: Any) -> None:
    """Raises an error if a teacher cannot teach a student because of their shapes.

    Args:
        teacher: A built functional or Sequential model.
        student: A built functional or Sequential model.

    Raises:
        ModelError: If one is not usable, or their outputs differ in number or shape.
    """
    keras_compat.check_model(teacher, name="teacher")
    keras_compat.check_model(student, name="student")
    shapes = {
        role: [tuple(tensor.shape) for tensor in model.outputs]
        for role, model in {"teacher": teacher, "student": student}.items()
    }
    if shapes["teacher"] != shapes["student"]:
        raise ModelError(
            "Teacher and student must have outputs of the same shape, a column for "
            "each class. Build the student's last layer as wide as the teacher's. "
            f"Received: teacher outputs {_show(shapes['teacher'])}, "
            f"student outputs {_show(shapes['student'])}"
        )


def check_training_data(student: Any, x: Any, y: Any = None, *, name: str) -> None:
    """Raises an error if data cannot train a student.

    Arrays are checked whole, of a data set the first batch. A Python iterator is not
    looked at, for what is read from it is gone.

    Args:
        student: A model with one output or several. Labels are checked where it has
            one, of shape `(batch, classes)` with two classes or more.
        x: Arrays, or a data set of any form that `keras.Model.fit` takes.
        y: Labels, or None where `x` brings them.
        name: What to call the data in the message.

    Raises:
        DataError: If there is no sample, a number is not finite, or a label is not
            one of the classes.
    """
    if isinstance(x, Iterator):
        return
    arrays = y is not None or isinstance(x, np.ndarray) or tf.is_tensor(x)
    batch = data_module.Batch(x, y) if arrays else data_module.first(x)
    if not data_module.length(batch.x):
        raise DataError(
            f"{name} must hold one sample at least. Received: "
            f"{data_module.describe(batch.x)}"
        )
    data_module.check_finite(batch.x, f"The inputs of {name}")
    data_module.check_finite(batch.y, f"The labels of {name}")
    outputs = student.outputs
    if batch.y is not None and len(outputs) == 1 and len(outputs[0].shape) == 2:
        classes = outputs[0].shape[-1]
        if classes > 1:
            for labels in data_module.leaves(batch.y):
                data_module.check_labels(labels, classes, f"The labels of {name}")


def _show(shapes: list[tuple]) -> str:
    return ", ".join(str(shape) for shape in shapes)
