"""The contract of a distillation loss."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras

from tfcompress.distillation.losses.scheduled_value import ScheduledValue


class DistillationLoss(abc.ABC):
    """What a student is told about its teacher, as a number a sample.

    A loss looks at the outputs of both models, or at the outputs of layers inside them
    that it names. Losses of `keras.distillation` have the same methods and can be given
    to `Distiller` too; theirs return one number for the whole batch.

    Attributes:
        teacher_layers: Names of the teacher's layers that it looks at; where there are
            none, it looks at the teacher's outputs. `"attention:1"` is the second
            output of a layer.
        student_layers: The same of the student.
        regressors: Layers of the student's Keras that `build` made, trained with the
            student and dropped from the result.
    """

    teacher_layers: tuple[str, ...] = ()
    student_layers: tuple[str, ...] = ()
    regressors: Sequence[Any] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Lets Keras find the class when a distiller is loaded."""
        super().__init_subclass__(**kwargs)
        package = cls.__module__.split(".", 1)[0]
        keras.saving.register_keras_serializable(package=package)(cls)

    @abc.abstractmethod
    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample.

        Args:
            teacher_outputs: The teacher's output tensor, of shape `(batch, ...)`, or a
                structure of them; logits, also where the teacher ends in a softmax. Of
                a loss that names layers, the output of the layer; a list where it
                names several.
            student_outputs: The student's, with gradients.
            **kwargs: `labels`, the labels of the batch or None.

        Returns:
            A float32 tensor of shape `(batch, ...)`; a scalar where the samples of a
            batch are compared with each other; or a list, one for each output, in
            flattened order.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises an error if this loss cannot be computed for two models.

        Called when a `Distiller` is built, so that nothing fails hours later.

        Args:
            teacher: A Keras model, or None where the teacher is a function or a cache.
            student: A Keras model, of the same Keras or the other.

        Raises:
            ModelError: Names what does not fit and what to do.
        """

    def build(self, teacher_shapes: Any, student_shapes: Any, library: Any) -> None:
        """Makes the layers that the loss trains beside the student, if any.

        Args:
            teacher_shapes: Shapes, with None for the batch, in the structure of what
                `compute_loss` is given of the teacher.
            student_shapes: The same of the student.
            library: The student's Keras: the module `keras` or `tf_keras`.

        Raises:
            ModelError: If the shapes cannot be compared.
        """

    def scheduled_values(self) -> list[ScheduledValue]:
        """Returns the numbers of this loss that may change over the training."""
        return [v for v in vars(self).values() if isinstance(v, ScheduledValue)]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a loss from what `get_config` returned."""
        return cls(**config)
