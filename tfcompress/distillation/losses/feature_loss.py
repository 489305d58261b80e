"""What losses on features have in common: layers, regressors, shapes."""

import abc
import re
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.distillation.losses.regressor import build_regressor, fit_to_teacher
from tfcompress.errors import ArgumentError, ModelError

Shape = tuple[int | None, ...]
LayerNames = str | Sequence[str] | None

_REGRESSORS = ("auto", "always", None)


class FeatureLoss(DistillationLoss):
    """Compares features of a student with features of its teacher, pair by pair.

    A subclass says in `compare` how one pair is compared. The losses of several pairs
    are added. Features are cast to float32, and the teacher's get no gradient.

    Args:
        teacher_layer_name: Name of a layer of the teacher, or a sequence of names.
            `"attention:1"` is the second output of a layer. None, the default,
            compares the final outputs.
        student_layer_name: As many names of layers of the student, in the same order.
        regressor: `"auto"` learns a regressor from the student's features to the
            teacher's where their shapes differ, `"always"` everywhere, None, the
            default, nowhere.

    Raises:
        ArgumentError: If names are given for one of both alone, or more for one.

    Example:
    ```python
    class AbsoluteDifference(FeatureLoss):
        def compare(self, teacher, student):
            return tf.reduce_mean(tf.abs(teacher - student), -1)


    loss = AbsoluteDifference("teacher_embedding", "student_embedding")
    ```
    """

    def __init__(
        self,
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        regressor: str | None = None,
    ):
        self.teacher_layers = _names(teacher_layer_name, "teacher_layer_name")
        self.student_layers = _names(student_layer_name, "student_layer_name")
        self.teacher_layer_name = _plain(teacher_layer_name)
        self.student_layer_name = _plain(student_layer_name)
        if len(self.teacher_layers) != len(self.student_layers):
            raise ArgumentError(
                "teacher_layer_name and student_layer_name must name as many layers: "
                "give both, or neither to compare the final outputs. Received: "
                f"teacher_layer_name={teacher_layer_name!r}, "
                f"student_layer_name={student_layer_name!r}"
            )
        if regressor not in _REGRESSORS:
            raise ArgumentError(
                f"regressor must be one of {_REGRESSORS}. "
                f"Received: regressor={regressor!r}"
            )
        self.regressor = regressor
        self.regressors: list[Any] = []
        self._regressors_of: dict[int, list[Any]] = {}

    @abc.abstractmethod
    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the loss of one pair of features.

        Args:
            teacher: Float32 tensor of shape `(batch, ...)`, without gradient.
            student: Float32 tensor of shape `(batch, ...)`, through its regressor
                where it has one.

        Returns:
            A float32 tensor of shape `(batch, ...)`, or a scalar.
        """

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None.

        Args:
            teacher: Shape of the teacher's features, None where a size is not known.
            student: Shape of the student's, through its regressor where it has one.
        """
        if are_equal(teacher, student):
            return None
        return (
            "they must have the same shape; give regressor='auto' to learn a "
            "projection, or name other layers"
        )

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss, added over the pairs of layers.

        Args:
            teacher_outputs: Features of the teacher, float tensors of any precision: a
                tensor, or a structure of them.
            student_outputs: The same of the student.
            **kwargs: Ignored.

        Returns:
            What `compare` returns for each pair, added up.

        Raises:
            ModelError: If the shapes cannot be compared.
        """
        pairs = self.pairs(teacher_outputs, student_outputs)
        return sum_of([self.compare(teacher, student) for teacher, student in pairs])

    def pairs(
        self, teacher_outputs: Any, student_outputs: Any
    ) -> list[tuple[Any, Any]]:
        """Returns pairs of float32 features, the student's through its regressors.

        Args:
            teacher_outputs: A tensor or a structure of them.
            student_outputs: The same of the student.

        Raises:
            ModelError: If the shapes cannot be compared.
        """
        teachers = tf.nest.flatten(teacher_outputs)
        students = tf.nest.flatten(student_outputs)
        self._check_numbers(len(teachers), len(students))
        return [
            self._pair(index, teacher, student)
            for index, (teacher, student) in enumerate(
                zip(teachers, students, strict=True)
            )
            if self.compares(index)
        ]

    def compares(self, index: int) -> bool:
        """Returns whether this loss looks at a pair, by its number; all by default."""
        return True

    def build(self, teacher_shapes: Any, student_shapes: Any, library: Any) -> None:
        """Makes the regressors that are needed, and checks the shapes.

        Args:
            teacher_shapes: Shape of the teacher's features, or a structure of shapes.
            student_shapes: The same of the student.
            library: The student's Keras: the module `keras` or `tf_keras`.

        Raises:
            ModelError: If the shapes cannot be compared.
        """
        teachers = flatten_shapes(teacher_shapes)
        students = flatten_shapes(student_shapes)
        self._check_numbers(len(teachers), len(students))
        made = {}
        for index, pair in enumerate(zip(teachers, students, strict=True)):
            if self.compares(index):
                name = f"{self.name_of(index)}_regressor"
                made[index] = self.build_regressors(*pair, library, name)
                if not made[index]:
                    self._check(index, *pair)
        self._regressors_of = made
        self.regressors = [layer for layers in made.values() for layer in layers]

    def build_regressors(
        self, teacher: Shape, student: Shape, library: Any, name: str
    ) -> list[Any]:
        """Returns the layers to be trained for one pair: one regressor, or none.

        Args:
            teacher: Shape of the teacher's features.
            student: Shape of the student's.
            library: The student's Keras.
            name: A name from which those of the layers derive.
        """
        if not self.needs_regressor(teacher, student):
            return []
        return [build_regressor(student, teacher, library, name)]

    def needs_regressor(self, teacher: Shape, student: Shape) -> bool:
        """Returns whether a pair of features is to have a regressor.

        Args:
            teacher: Shape of the teacher's features.
            student: Shape of the student's.
        """
        if self.regressor == "auto":
            return not are_equal(teacher, student)
        return self.regressor == "always"

    def project(
        self, teacher: Any, student: Any, regressors: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Returns a pair of features passed through what `build_regressors` made.

        Args:
            teacher: Float32 tensor of shape `(batch, ...)`.
            student: Float32 tensor of shape `(batch, ...)`.
            regressors: The layers of this pair, one at least.
        """
        return fit_to_teacher(teacher, student, regressors[0])

    def name_of(self, index: int) -> str:
        """Returns a name for a pair, of letters that every Keras takes."""
        if not self.student_layers:
            return f"output_{index}"
        name = f"{self.student_layers[index]}_to_{self.teacher_layers[index]}"
        return re.sub(r"\W", "_", name)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises an error if a model has no layer of a name given.

        Args:
            teacher: A Keras model, or None where the teacher is not one.
            student: A Keras model.

        Raises:
            ModelError: Names the nearest layers.
        """
        if self.student_layers:
            keras_compat.tap(student, self.student_layers, role="student")
        if self.teacher_layers and teacher is not None:
            keras_compat.tap(teacher, self.teacher_layers, role="teacher")

    def get_config(self) -> dict[str, Any]:
        """Returns the names of the layers, as plain data."""
        return {
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }

    def _pair(self, index: int, teacher: Any, student: Any) -> tuple[Any, Any]:
        teacher = tf.stop_gradient(tf.cast(tf.convert_to_tensor(teacher), tf.float32))
        # A copy, for Keras warns of layers that lose the mask of a tensor.
        student = tf.identity(tf.cast(tf.convert_to_tensor(student), tf.float32))
        if self._regressors_of.get(index):
            teacher, student = self.project(
                teacher, student, self._regressors_of[index]
            )
        self._check(index, tuple(teacher.shape), tuple(student.shape))
        return teacher, student

    def _check(self, index: int, teacher: Shape, student: Shape) -> None:
        reason = self.misfit(teacher, student)
        if reason is not None:
            raise ModelError(
                f"{type(self).__name__} cannot compare these features: {reason}. "
                f"Received: {self.name_of(index)} with the teacher's shape {teacher} "
                f"and the student's {student}"
            )

    def _check_numbers(self, teachers: int, students: int) -> None:
        if teachers != students or len(self.student_layers) not in (0, students):
            raise ModelError(
                f"{type(self).__name__} compares features pair by pair, one of each "
                "model for each layer named, or the final outputs. Received: "
                f"{teachers} of the teacher and {students} of the student for the "
                f"layers {list(self.student_layers)}"
            )


def are_equal(first: Shape, second: Shape) -> bool:
    """Returns whether two shapes are the same after the batch, as far as known.

    Args:
        first: A shape, with None where a size is not known.
        second: Another.

    Example:
    ```python
    are_equal((None, 8, 3), (4, None, 3))  # True
    ```
    """
    return len(first) == len(second) and all(
        None in (a, b) or a == b for a, b in zip(first[1:], second[1:], strict=True)
    )


def flatten_shapes(shapes: Any) -> list[Shape]:
    """Returns the shapes of a structure, in the order of `tf.nest.flatten`.

    Args:
        shapes: A shape, or nested dicts, lists and tuples of shapes.

    Example:
    ```python
    flatten_shapes({"b": (None, 2), "a": (None, 3)})  # [(None, 3), (None, 2)]
    ```
    """
    if isinstance(shapes, tf.TensorShape):
        return [tuple(shapes.as_list())]
    if isinstance(shapes, dict):
        return [s for key in sorted(shapes) for s in flatten_shapes(shapes[key])]
    if all(size is None or isinstance(size, int) for size in shapes):
        return [tuple(shapes)]
    return [shape for part in shapes for shape in flatten_shapes(part)]


def sum_of(losses: Sequence[Any]) -> Any:
    """Returns the sum of the losses of several pairs.

    Args:
        losses: Float32 tensors of shapes that broadcast, one at least.

    Example:
    ```python
    sum_of([tf.constant([1.0, 2.0]), tf.constant(3.0)])  # [4.0, 5.0]
    ```
    """
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total


def _names(given: LayerNames, argument: str) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given or ())
    good = all(isinstance(name, str) and name for name in names)
    if not good or (given is not None and not names):
        raise ArgumentError(
            f"{argument} must be the name of a layer or a sequence of names. "
            f"Received: {argument}={given!r}"
        )
    return names


def _plain(given: LayerNames) -> str | list[str] | None:
    return given if given is None or isinstance(given, str) else list(given)
