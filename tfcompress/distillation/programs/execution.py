"""The fits of a program, each done once however often they are interrupted."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcompress import data, keras_compat
from tfcompress.distillation.programs.account import open_directory
from tfcompress.distillation.programs.epoch_backup import EpochBackup
from tfcompress.distillation.programs.stage import Stage
from tfcompress.distillation.programs.weight_files import (
    read_arrays,
    write_arrays,
)
from tfcompress.errors import ArgumentError, DataError, ModelError

_OWN_ARGUMENTS = ("epochs", "initial_epoch")


class Execution:
    """Runs the fits of one program, and keeps what is done in a folder.

    Args:
        account: What makes one run another than this, as plain data by name: the
            program, its configuration, its teacher.
        x: Inputs, or a data set, as `fit` takes them.
        y: Labels, where `x` does not bring them.
        compile_model: Called with the model of every fit, to compile it.
        directory: Folder to keep finished stages in, or None.
        callbacks: Keras callbacks of every fit.
        fit_arguments: What else `fit` is given.

    Attributes:
        history: Logs of each finished stage by its name.

    Raises:
        ArgumentError: If `compile_model` is no function, or an argument of `fit` is one
            that the program sets.
        DataError: If `x` is an iterator, which only the first fit could read.
        OutputError: If the folder holds a run of another account, or cannot be used.

    Example:
    ```python
    from tfcompress.distillation.programs import Stage
    from tfcompress.distillation.programs.execution import Execution

    execution = Execution(
        {"program": "Mine"}, x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
    )
    copy = execution.start("student", student)
    execution.train_stage("first", Stage(epochs=3), teacher, copy)
    ```
    """

    def __init__(
        self,
        account: Mapping[str, Any],
        x: Any,
        y: Any,
        *,
        compile_model: Callable[[Any], Any],
        directory: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] = (),
        fit_arguments: Mapping[str, Any] | None = None,
    ):
        self._x, self._y = x, y
        self._compile_model = compile_model
        self._callbacks = list(callbacks)
        self._fit_arguments = dict(fit_arguments or {})
        self.history: dict[str, dict[str, list[float]]] = {}
        if not callable(compile_model):
            raise ArgumentError(
                "compile_model must be a function that compiles the model it is given: "
                'lambda model: model.compile("adam", loss=...). '
                f"Received: compile_model={compile_model!r}"
            )
        for name in _OWN_ARGUMENTS:
            if name in self._fit_arguments:
                raise ArgumentError(
                    f"{name} must not be given to run; the program's constructor says "
                    f"how long it trains. Received: {name}={self._fit_arguments[name]}"
                )
        if isinstance(x, Iterator):
            raise DataError(
                "The data is read in several fits, and an iterator can be read only "
                "once; pass arrays, a tf.data.Dataset or a PyDataset. "
                f"Received: {data.describe(x)}"
            )
        self._directory = None if directory is None else Path(directory)
        if self._directory is not None:
            open_directory(self._directory, {**account, **self._account_of_data()})

    def start(self, name: str, student: Any, *, fresh: bool = False) -> Any:
        """Returns a copy of a student to train, with the weights that it starts from.

        In a folder the weights of the first call are kept, and taken by later calls.

        Args:
            name: Name of the start, one for each student.
            student: A built functional or Sequential model of either Keras. It is not
                changed.
            fresh: Whether the weights are drawn anew. Defaults to False.

        Raises:
            ModelError: If it is not such a model.
        """
        copy = clone(student, name=name, fresh=fresh)
        path = self._path(f"{name}.start.npz")
        if path is not None and path.exists():
            copy.set_weights(read_arrays(path)[0])
        elif path is not None:
            write_arrays(path, copy.get_weights(), {})
        return copy

    def train_stage(self, name: str, stage: Stage, teacher: Any, student: Any) -> None:
        """Does the fit of a `Stage`, as `train` does.

        Args:
            name: Name of the stage, one for each fit of a program.
            stage: What the student is taught.
            teacher: What `Distiller` takes for a teacher.
            student: The model to be trained, in place.
        """
        self.train(
            name,
            lambda: stage.build_distiller(teacher, student),
            [student],
            epochs=stage.epochs,
        )

    def train(
        self,
        name: str,
        build_learner: Callable[[], Any],
        trained: Sequence[Any],
        *,
        epochs: int,
    ) -> None:
        """Does one fit, what is left of it, or nothing where it was done before.

        Args:
            name: Name of the stage, one for each fit of a program.
            build_learner: Returns the model that is compiled and fitted.
            trained: The models that it trains, in place.
            epochs: Passes over the data.

        Raises:
            ArgumentError: If `compile_model` compiles nothing.
            ModelError: If weights are not finite in the end.
        """
        done = self._path(f"{name}.npz")
        if done is not None and done.exists():
            weights, notes = read_arrays(done)
            for model in trained:
                count = len(model.get_weights())
                model.set_weights(weights[:count])
                weights = weights[count:]
            self.history[name] = notes["history"]
            return
        backup = EpochBackup(self._path(f"{name}.unfinished.npz"), self._callbacks)
        learner = build_learner()
        self._compile_model(learner)
        if getattr(learner, "optimizer", None) is None:
            raise ArgumentError(
                "compile_model must call compile, with an optimizer, of the model that "
                f"it is given. Received: compile_model={self._compile_model!r}"
            )
        learner.fit(
            self._x,
            self._y,
            epochs=backup.epochs(epochs),
            initial_epoch=backup.epoch,
            callbacks=[*self._callbacks, backup],
            **self._fit_arguments,
        )
        for model in trained:
            keras_compat.check_model(model, name="the trained student")
        self.history[name] = backup.history
        if done is not None and backup.path is not None:
            weights = [w for model in trained for w in model.get_weights()]
            write_arrays(done, weights, {"history": backup.history})
            backup.path.unlink(missing_ok=True)

    def _path(self, file_name: str) -> Path | None:
        return None if self._directory is None else self._directory / file_name

    def _account_of_data(self) -> dict[str, Any]:
        plain = {
            name: value
            for name, value in self._fit_arguments.items()
            if isinstance(value, int | float | str) and name != "verbose"
        }
        shown = [data.describe(part) for part in (self._x, self._y)]
        return {"data": shown, "fit_arguments": plain}


def clone(student: Any, *, name: str = "student", fresh: bool = False) -> Any:
    """Returns a copy of a student, so that the user's stays as it is.

    Args:
        student: A built functional or Sequential model of either Keras.
        name: What to call it in messages.
        fresh: Whether the weights are drawn anew. Defaults to False.

    Raises:
        ModelError: If it is not such a model, or one that is being pruned or trained
            with rounding, whose wrappers hold on to what they were made with.

    Example:
    ```python
    from tfcompress.distillation.programs.execution import clone

    copy = clone(student)
    ```
    """
    keras_compat.check_model(student, name=name)
    if keras_compat.is_tf_keras(student) and isinstance(
        student, keras_compat.TwinModel
    ):
        raise ModelError(
            "A program copies its student, which a model that a technique was applied "
            "to does not allow: run the program on the plain model, then apply the "
            f"technique to the result. Received: {name} {student.name!r} of type "
            "TwinModel"
        )
    copy = keras_compat.keras_of(student).models.clone_model(student)
    if not fresh:
        copy.set_weights(student.get_weights())
    return copy
