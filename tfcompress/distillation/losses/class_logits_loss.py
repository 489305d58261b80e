"""What losses on the logits of classes have in common."""

import abc
from typing import Any

from tfcompress import keras_compat
from tfcompress.distillation.losses.class_logits import as_classes
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.distillation.losses.outputs import losses_of_outputs
from tfcompress.errors import ModelError


class ClassLogitsLoss(DistillationLoss):
    """A loss on the logits of classes that exclude each other, output by output.

    A single column is the logit of the second of two classes.
    """

    @abc.abstractmethod
    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output, of shape `(batch, ...)`.

        Args:
            teacher_logits: Float32 tensor of shape `(batch, ..., classes)`, two classes
                at least.
            student_logits: The same of the student.
            labels: Labels of this output, as the data gives them, or None.
        """

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample, or of each of its positions.

        Of several outputs it is a list, one for each.
        """

        def loss_of_output(teacher: Any, student: Any, labels: Any) -> Any:
            return self.compute_output_loss(
                as_classes(teacher), as_classes(student), labels
            )

        return losses_of_outputs(
            loss_of_output, teacher_outputs, student_outputs, kwargs.get("labels")
        )

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises a `ModelError` if an output does not end in logits of classes."""
        if teacher is not None:
            for output in range(len(teacher.outputs)):
                check_classes_exclude_each_other(teacher, output)
        for output in range(len(student.outputs)):
            check_ends_in_logits(student, output)


def check_classes_exclude_each_other(teacher: Any, output: int) -> None:
    """Raises an error if an output of the teacher has a sigmoid for each label.

    Raises:
        ModelError: If it has, and more than one column.
    """
    tensor = teacher.outputs[output]
    activation = keras_compat.output_activations(teacher)[output]
    if activation == "sigmoid" and tensor.shape[-1] != 1:
        raise ModelError(
            "The classes must exclude each other, and the teacher has a sigmoid for "
            "each of several labels at once: distil it with "
            'LogitsDistillation(loss="binary_crossentropy"). '
            f"Received: teacher {teacher.name!r} with output of shape "
            f"{tuple(tensor.shape)}"
        )


def check_labels_are_independent(teacher: Any, output: int) -> None:
    """Raises an error if an output of the teacher is of classes, by a softmax.

    Raises:
        ModelError: If it ends in a softmax.
    """
    if keras_compat.output_activations(teacher)[output] == "softmax":
        raise ModelError(
            "binary_crossentropy is for several labels at once, and the teacher ends "
            "in a softmax, of classes that exclude each other: distil it with "
            'LogitsDistillation(loss="kl_divergence"). '
            f"Received: teacher {teacher.name!r}, whose output {output} ends in softmax"
        )


def check_ends_in_logits(student: Any, output: int) -> None:
    """Raises an error if an output of the student ends in probabilities.

    Raises:
        ModelError: If it ends in a softmax or a sigmoid.
    """
    activation = keras_compat.output_activations(student)[output]
    if activation in ("softmax", "sigmoid"):
        raise ModelError(
            f"The student must end in logits, without {activation}: its "
            "probabilities would be softened a second time, which teaches "
            "almost nothing. Build its last layer with activation=None, give "
            "compile a loss with from_logits=True, and add the "
            f"{activation} after training. "
            f"Received: student {student.name!r}, whose output {output} ends "
            f"in {activation}"
        )
