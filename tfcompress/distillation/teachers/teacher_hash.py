"""Which teacher this is."""

import hashlib
from typing import Any

import numpy as np

from tfcompress.distillation.teachers.ensemble import Ensemble
from tfcompress.distillation.teachers.model_teacher import ModelTeacher
from tfcompress.distillation.teachers.output_teachers import OutputTeachers
from tfcompress.distillation.teachers.teacher import Teacher


def teacher_hash(teacher: Teacher) -> str | None:
    """Returns the SHA-256 of a teacher's weights, the same after saving and loading.

    Args:
        teacher: A model, an ensemble, or a teacher for each output. What Keras calls
            the layers does not count.

    Returns:
        64 hexadecimal digits; None of a function, which cannot be looked into, and of
        what holds one.

    Example:
    ```python
    teacher_hash(ModelTeacher(model)) == teacher_hash(ModelTeacher(model))
    ```
    """
    if isinstance(teacher, ModelTeacher):
        return _hash_model(teacher.model)
    if isinstance(teacher, Ensemble):
        numbers = map(repr, teacher.weights)
        return _hash_parts(
            teacher.average, *numbers, *map(teacher_hash, teacher.teachers)
        )
    if isinstance(teacher, OutputTeachers):
        pairs = sorted(teacher.teachers.items())
        return _hash_parts(*(p for name, t in pairs for p in (name, teacher_hash(t))))
    return None


def _hash_model(model: Any) -> str:
    digest = hashlib.sha256()
    for variable, value in zip(model.weights, model.get_weights(), strict=True):
        array = np.asarray(value)
        name = variable.name.split("/")[-1].removesuffix(":0")
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _hash_parts(*parts: str | None) -> str | None:
    if None in parts:
        return None
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
