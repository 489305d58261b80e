"""Peers that teach each other, without a teacher."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.programs.joint_step import (
    JointStep,
    check_classifier,
    divergence,
    keras_class,
)
from tfcompress.distillation.programs.number import check_number
from tfcompress.distillation.programs.program import Program
from tfcompress.distillation.programs.result import ProgramResult
from tfcompress.distillation.programs.stage import check_epochs
from tfcompress.errors import ArgumentError, ModelError


class MutualLearning(Program):
    """Trains several students together, each taught by all the others.

    Zhang et al., "Deep Mutual Learning", 2018, https://arxiv.org/abs/1706.00384. The
    loss of peer i of K is

        CE(y, pᵢ) + weight · 1/(K−1) · Σⱼ T² · KL(pⱼ ‖ pᵢ)

    over its peers j, whose predictions get no gradient. All peers take their step at
    once, with one optimizer for the sum of their losses; the paper takes turns.

    Args:
        epochs: Passes over the data, 1 or more.
        weight: Weight of the peers, 0 or more. Defaults to 1, as in the paper.
        temperature: T, above 0. Defaults to 1, as in the paper.

    Raises:
        ArgumentError: If a number is out of range.

    Example:
    ```python
    from tfcompress.distillation.programs import MutualLearning

    result = MutualLearning(epochs=10).run(
        [student, other], x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
    )
    ```
    """

    def __init__(self, epochs: int, weight: float = 1.0, temperature: float = 1.0):
        check_epochs(epochs, "epochs")
        check_number(weight, "weight", above=False)
        check_number(temperature, "temperature", above=True)
        self.epochs = epochs
        self.weight = float(weight)
        self.temperature = float(temperature)

    def run(
        self,
        students: Sequence[Any],
        x: Any,
        y: Any = None,
        *,
        compile_model: Callable[[Any], Any],
        directory: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] = (),
        **fit_arguments: Any,
    ) -> ProgramResult:
        """Trains copies of the students; see `Program` for what may be given.

        Args:
            students: Two or more built functional or Sequential classifiers of one
                Keras, that end in logits of the same shape and start from different
                weights.
            x: Inputs, or a data set, as `fit` takes them.
            y: Labels, where `x` does not bring them.
            compile_model: Compiles the model of the fit.
            directory: Folder to resume from. Defaults to None.
            callbacks: Keras callbacks.
            **fit_arguments: As for `fit`.

        Returns:
            A `ProgramResult` with the students in the order given, `student` the first.
            Its one stage is `"mutual_learning"`; losses in the logs are sums over the
            students, metrics are means over them.

        Raises:
            ArgumentError: If there are not two students.
            ModelError: If they are of both Kerases, or their outputs differ.
            TFCompressError: If the data or the folder cannot be used.
        """
        _check_peers(students)
        execution = self._execution(
            x,
            y,
            students,
            compile_model=compile_model,
            directory=directory,
            callbacks=callbacks,
            fit_arguments=fit_arguments,
        )
        peers = [
            execution.start(f"peer_{number + 1}", student)
            for number, student in enumerate(students)
        ]
        step = keras_class(MutualStep, legacy=keras_compat.is_tf_keras(peers[0]))
        execution.train(
            "mutual_learning",
            lambda: step(peers, self.weight, self.temperature),
            peers,
            epochs=self.epochs,
        )
        return ProgramResult(peers[0], tuple(peers), execution.history)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "epochs": self.epochs,
            "weight": self.weight,
            "temperature": self.temperature,
        }


class MutualStep(JointStep):
    """The step of mutual learning.

    Args:
        peers: Classifiers of one Keras.
        weight: Weight of the peers.
        temperature: T.
    """

    def __init__(self, peers: list[Any], weight: float, temperature: float):
        super().__init__(peers, {"student_loss": 1.0, "distillation_loss": weight})
        self.temperature = temperature

    def _forward(
        self, x: Any, sample_weight: Any, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        outputs = [
            tf.nest.flatten(peer(x, training=training))[0] for peer in self.models
        ]
        divergences = [
            divergence(other, output, sample_weight, self.temperature)
            for output in outputs
            for other in outputs
            if other is not output
        ]
        taught = tf.add_n(divergences) / float(len(outputs) - 1)
        return outputs, {"distillation_loss": taught}

    def _measured(self, outputs: list[Any]) -> list[Any]:
        return outputs


def _check_peers(students: Any) -> None:
    if not isinstance(students, Sequence) or len(students) < 2:
        raise ArgumentError(
            "students must be a list of two models or more. "
            f"Received: students={students!r}"
        )
    for student in students:
        check_classifier(student)
    library = keras_compat.keras_of(students[0])
    if any(keras_compat.keras_of(student) is not library for student in students):
        raise ModelError(
            "The students learn in one step, and must belong to one Keras. "
            f"Received: students={list(students)!r}"
        )
    shapes = [tuple(student.outputs[0].shape) for student in students]
    if len(set(shapes)) > 1:
        raise ModelError(
            "The students must have outputs of the same shape. "
            f"Received: outputs of shapes {shapes}"
        )
