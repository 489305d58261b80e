"""The contract of a distillation loss."""

import abc
from collections.abc import Mapping
from typing import Any, Self


class DistillationLoss(abc.ABC):
    """What a student is told about its teacher's outputs, as a number a sample.

    Losses of `keras.distillation` have the same methods and can be given to
    `Distiller` too; theirs return one number for the whole batch.
    """

    @abc.abstractmethod
    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample.

        Args:
            teacher_outputs: The teacher's output tensor, of shape `(batch, ...)`, or a
                structure of them. Logits, also where the teacher ends in a softmax.
            student_outputs: The student's, with gradients.
            **kwargs: Nothing today; taken for the sake of `keras.distillation`.

        Returns:
            A float32 tensor of shape `(batch, ...)`, or a scalar.
        """

    @abc.abstractmethod
    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises an error if this loss cannot be computed for two models.

        Called when a `Distiller` is built, so that nothing fails hours later.

        Args:
            teacher: A Keras model.
            student: A Keras model, of the same Keras or the other.

        Raises:
            ModelError: Names what does not fit and what to do.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a loss from what `get_config` returned."""
        return cls(**config)
