"""Any function that teaches."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfcompress.distillation.teachers.model_teacher import logits_of
from tfcompress.distillation.teachers.teacher import Targets, Teacher
from tfcompress.errors import ArgumentError, ModelError

_GIVES = {"logits": None, "softmax": "softmax", "sigmoid": "sigmoid"}


class FunctionTeacher(Teacher):
    """Teaches what a function of the inputs returns.

    The function may be a loaded SavedModel's `serve`, a subclassed Keras model in
    inference mode, or anything else that TensorFlow can trace.

    Args:
        function: Takes a batch of inputs, and returns a tensor of shape
            `(batch, ..., classes)` or a structure of them.
        gives: What the numbers are: `"logits"`, the default, or the probabilities of a
            `"softmax"` or a `"sigmoid"`. Of a regression they count as logits.

    Raises:
        ArgumentError: If it is not a function, or `gives` is not known.

    Example:
    ```python
    loaded = tf.saved_model.load("teacher")
    teacher = tfc.distillation.FunctionTeacher(loaded.serve, gives="softmax")
    distiller = tfc.Distiller(teacher, student, tfc.distillation.LogitsDistillation())
    ```
    """

    def __init__(self, function: Callable[[Any], Any], *, gives: str = "logits"):
        if not callable(function):
            raise ArgumentError(
                "function must be callable with a batch of inputs. Received: function "
                f"of type {type(function).__name__}"
            )
        if gives not in _GIVES:
            raise ArgumentError(
                f"gives must be one of {list(_GIVES)}. Received: gives={gives!r}"
            )
        self.function = function
        self.gives = gives

    def targets(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns the logits of what the function returns."""
        outputs = tf.nest.map_structure(
            lambda tensor: tf.stop_gradient(logits_of(tensor, _GIVES[self.gives])),
            self.function(x),
        )
        return Targets(outputs, {})

    def get_config(self) -> dict[str, Any]:
        """Refuses: a function is not plain data.

        Raises:
            ModelError: Always.
        """
        raise ModelError(
            "A distiller whose teacher is a function cannot be saved whole; save "
            "distiller.student, or the weights with save_weights. Received: teacher "
            f"{self.function!r}"
        )
