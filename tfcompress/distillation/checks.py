"""Bad models and bad data, found before hours of training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress.distillation.tapped_model import TappedModel
from tfcompress.distillation.teachers.teacher import Teacher
from tfcompress.errors import DataError, ModelError


def check_outputs(teacher: Teacher, student: Any) -> None:
    """Raises an error if a teacher's outputs cannot teach those of a student.

    Args:
        teacher: What teaches.
        student: A built functional or Sequential model.

    Raises:
        ModelError: If their outputs differ in number, name or shape.
    """
    given = teacher.output_shapes
    if given is None:
        return
    wanted = TappedModel(student, (), "student").shapes.outputs
    named = isinstance(given, dict) and isinstance(wanted, dict)
    first, second = shape_leaves(given), shape_leaves(wanted)
    alike = len(first) == len(second) and all(map(_fit, first, second))
    if not alike or (named and set(given) != set(wanted)):
        raise ModelError(
            "Teacher and student must have outputs of the same shape, a column for "
            "each class. Build the student's last layer as wide as the teacher's. "
            f"Received: teacher outputs {_show(given)}, student outputs "
            f"{_show(wanted)}"
        )


def shape_leaves(shapes: Any) -> list[tuple]:
    """Returns the shapes in a structure of them, in the order of flattened outputs."""
    if isinstance(shapes, dict):
        return [leaf for key in sorted(shapes) for leaf in shape_leaves(shapes[key])]
    if all(size is None or isinstance(size, int) for size in shapes):
        return [tuple(shapes)]
    return [leaf for part in shapes for leaf in shape_leaves(part)]


def first_batch(x: Any, y: Any = None, *, name: str) -> data_module.Batch | None:
    """Returns the first batch of training data, checked for finite numbers.

    Arrays are checked and returned whole. A Python iterator is not looked at, for what
    is read from it is gone.

    Args:
        x: Arrays, or a data set of any form that `keras.Model.fit` takes.
        y: Labels, or None where `x` brings them.
        name: What to call the data in the message.

    Raises:
        DataError: If there is no sample, or a number is not finite.
    """
    if isinstance(x, Iterator):
        return None
    arrays = y is not None or isinstance(x, np.ndarray) or tf.is_tensor(x)
    batch = data_module.Batch(x, y) if arrays else data_module.first(x)
    if not data_module.length(batch.x):
        raise DataError(
            f"{name} must hold one sample at least. Received: "
            f"{data_module.describe(batch.x)}"
        )
    data_module.check_finite(batch.x, f"The inputs of {name}")
    data_module.check_finite(batch.y, f"The labels of {name}")
    return batch


def takes_class_numbers(loss: Any) -> bool:
    """Returns whether a loss given to `compile` compares classes with labels.

    Args:
        loss: A loss of either Keras, its name, or a function.
    """
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    return "categorical" in str(name or getattr(loss, "__name__", "")).lower()


def check_labels(student: Any, labels: Any, *, name: str) -> None:
    """Raises an error if labels are not classes of a student with one output.

    Raises:
        DataError: If a label is not one of the classes.
    """
    outputs = student.outputs
    if labels is not None and len(outputs) == 1 and outputs[0].shape[-1] > 1:
        classes = outputs[0].shape[-1]
        for array in data_module.leaves(labels):
            if len(outputs[0].shape) == 2:
                data_module.check_labels(array, classes, f"The labels of {name}")


def check_gives_logits(model: Any, x: Any, role: str) -> None:
    """Raises an error if a model's outputs are probabilities, whatever made them.

    Args:
        model: A model of either Keras.
        x: Inputs; the first few are run.
        role: `"teacher"` or `"student"`, for the message.

    Raises:
        ModelError: If every output row holds no negative number and sums to 1.
    """
    few = tf.nest.map_structure(lambda array: tf.convert_to_tensor(array[:8]), x)
    for output in tf.nest.flatten(model(few, training=False)):
        rows = tf.cast(output, tf.float32).numpy()
        sums = rows.sum(-1)
        if rows.shape[-1] > 1 and (rows >= 0).all() and np.allclose(sums, 1, atol=1e-3):
            raise ModelError(
                f"The {role} gives probabilities, where logits are expected: every row "
                "of its output sums to 1. End it in a Dense layer without activation"
                f"{', or in a Softmax layer' if role == 'teacher' else ''}. "
                f"Received: {role} {model.name!r}"
            )


def _fit(first: tuple, second: tuple) -> bool:
    """Whether two shapes are the same after the batch, as far as they are known."""
    return len(first) == len(second) and all(
        None in (a, b) or a == b for a, b in zip(first[1:], second[1:], strict=True)
    )


def _show(shapes: Any) -> str:
    if isinstance(shapes, dict):
        return str(shapes)
    return ", ".join(str(shape) for shape in shape_leaves(shapes))
