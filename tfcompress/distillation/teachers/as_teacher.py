"""Whatever a user gives as a teacher, as a `Teacher`."""

import importlib
from collections.abc import Mapping
from typing import Any

from tfcompress import keras_compat
from tfcompress.distillation.teachers.model_teacher import ModelTeacher
from tfcompress.distillation.teachers.teacher import Teacher

_KINDS = {
    "CachedTeacher": "cached_teacher",
    "Ensemble": "ensemble",
    "FunctionTeacher": "function_teacher",
    "ModelTeacher": "model_teacher",
    "OutputTeachers": "output_teachers",
}


def as_teacher(value: Any) -> Teacher:
    """Returns a teacher.

    Args:
        value: A `Teacher`; a built functional or Sequential model of either Keras; a
            list of teachers, whose probabilities are averaged; a dict with a teacher
            for each output; or a function of the inputs that returns logits.

    Raises:
        ModelError: If it is none of these.
    """
    if isinstance(value, Teacher):
        return value
    if isinstance(value, list | tuple):
        return _kind("Ensemble")(value)
    if isinstance(value, Mapping):
        return _kind("OutputTeachers")(value)
    if callable(value) and not keras_compat.is_model(value):
        return _kind("FunctionTeacher")(value)
    return ModelTeacher(value)


def teacher_from_config(data: Mapping[str, Any]) -> Teacher:
    """Builds a teacher from the name of its class and what `get_config` returned."""
    return _kind(data["class_name"]).from_config(data["config"])


def _kind(name: str) -> Any:
    module = importlib.import_module(f"tfcompress.distillation.teachers.{_KINDS[name]}")
    return getattr(module, name)
