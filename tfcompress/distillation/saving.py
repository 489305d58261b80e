"""How a distiller is saved whole, and built again."""

import abc
from pathlib import Path
from typing import Any, Self

import keras

from tfcompress import keras_compat
from tfcompress.distillation.teachers.as_teacher import teacher_from_config
from tfcompress.distillation.teachers.model_teacher import model_from_config

# What it calls on itself comes from the Keras model beside it.
_Base: Any = abc.ABC


class SavedWhole(_Base):
    """Saves student, losses, teacher and the state of training in a `.keras` file.

    A mixin of `Distiller`. The student and the state are saved by Keras; the teacher's
    weights are an asset of the file, and so not in checkpoints of weights.
    """

    def get_config(self) -> dict[str, Any]:
        """Returns what the distiller was made with, as plain data.

        Raises:
            ModelError: If the teacher is a function.
        """
        parts = self._parts.value
        saving = keras_compat.keras_of(self.student).saving
        legacy = keras_compat.is_tf_keras(self.student)
        return {
            "teacher": {
                "class_name": type(parts.teacher).__name__,
                "config": parts.teacher.get_config(),
            },
            "student": {
                "keras": "tf_keras" if legacy else "keras",
                "model": saving.serialize_keras_object(self.student),
            },
            "distillation_losses": [
                keras.saving.serialize_keras_object(loss)
                for loss in parts.objective.losses
            ],
            "distillation_loss_weights": [
                weight.get_config() for weight in parts.objective.weights
            ],
            "student_loss_weight": parts.share.get_config(),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Builds a distiller from what `get_config` returned."""
        with keras.saving.custom_object_scope(custom_objects or {}):
            teacher = teacher_from_config(config["teacher"])
            losses = [
                keras.saving.deserialize_keras_object(loss)
                for loss in config["distillation_losses"]
            ]
            distiller = cls(
                teacher,
                model_from_config(config["student"]),
                losses,
                config["distillation_loss_weights"],
                config["student_loss_weight"],
                name=config["name"],
            )
        distiller._parts.value.given = teacher.models[0] if teacher.models else teacher
        return distiller

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves the distiller whole, with its teacher, as `keras.Model.save` does.

        Raises:
            ModelError: If the teacher is a function. No file is written.
        """
        self.get_config()
        super().save(*args, **kwargs)

    def save_assets(self, path: str) -> None:
        """Writes the teacher's weights; Keras calls it for a `.keras` file."""
        self._parts.value.teacher.save_weights(Path(path))

    def load_assets(self, path: str) -> None:
        """Reads the teacher's weights; Keras calls it for a `.keras` file."""
        self._parts.value.teacher.load_weights(Path(path))
