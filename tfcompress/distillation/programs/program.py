"""The shape of a program."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Self

from tfcompress import keras_compat
from tfcompress.distillation.programs.execution import Execution
from tfcompress.distillation.teachers.as_teacher import as_teacher
from tfcompress.distillation.teachers.teacher import Teacher


class Program(abc.ABC):
    """Several fits that make one student.

    A program is configured in its constructor. Its method `run` takes models first,
    then data as `fit` takes it, and by keyword:

    - `compile_model`: a function, called with the model of every fit, that compiles it:
      `lambda model: model.compile("adam", loss=...)`. It makes a new optimizer each
      time. The loss is that on the labels.
    - `directory`: a folder to resume from. Each finished stage is kept there whole, and
      of the one at work the state after its last full epoch. After a kill the same call
      goes on from there, and skips what is done. It ends in the weights of an
      undisturbed run if the order of the data does not depend on what ran before
      (`shuffle=False`, or a data set that shuffles each epoch alike), and no layer
      draws from the global random state (Dropout of tf_keras, or without a `seed`).
      Regressors of losses are drawn when their stage starts.
      The weights that the students start from are kept too. A folder of another
      program, configuration, teacher, student or shape of the data is refused; what
      `compile_model` does cannot be seen, and must stay the same.
    - `callbacks`: Keras callbacks of every fit. One that remembers, as `EarlyStopping`
      does, starts anew after a kill.
    - everything else that `fit` takes: `batch_size`, `validation_data`, `verbose`.

    Models may be of either Keras, and are never changed: `run` trains copies, and
    returns a `ProgramResult`.
    """

    @abc.abstractmethod
    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Does the fits, and returns a `ProgramResult`."""

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a program from what `get_config` returned."""
        return cls(**config)

    def _execution(
        self,
        x: Any,
        y: Any,
        students: Sequence[Any],
        *,
        teacher: Any = None,
        compile_model: Any,
        directory: Any,
        callbacks: Sequence[Any],
        fit_arguments: Mapping[str, Any],
    ) -> Execution:
        """Returns what does the fits of one run of this program."""
        for student in students:
            keras_compat.check_model(student, name="student")
        account = {
            "program": type(self).__name__,
            "configuration": self.get_config(),
            "teacher": None if teacher is None else _identity(as_teacher(teacher)),
            "students": [_shape(student) for student in students],
        }
        return Execution(
            account,
            x,
            y,
            compile_model=compile_model,
            directory=directory,
            callbacks=callbacks,
            fit_arguments=fit_arguments,
        )


def _identity(teacher: Teacher) -> str:
    """Returns a number of the weights, or what kind of teacher it is without any."""
    return teacher.hash() or type(teacher).__name__


def _shape(student: Any) -> dict[str, Any]:
    """Returns layers and shapes, without names and weights, which vary by themselves.

    A notebook that is started again builds the same student with other names and other
    random weights.
    """
    return {
        "layers": [type(layer).__name__ for layer in student.layers],
        "weights": [list(weight.shape) for weight in student.weights],
    }
