"""One step of distillation, written once for both Kerases."""

import abc
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.checks import (
    check_gives_logits,
    check_labels,
    check_outputs,
    first_batch,
    takes_class_numbers,
)
from tfcompress.distillation.losses.scheduled_value import ScheduledValue
from tfcompress.distillation.objective import Objective
from tfcompress.distillation.parts import Parts, Untracked
from tfcompress.distillation.saving import SavedWhole
from tfcompress.distillation.tapped_model import TappedModel
from tfcompress.distillation.teachers.as_teacher import as_teacher
from tfcompress.distillation.teachers.teacher import Targets
from tfcompress.errors import ArgumentError, DataError
from tfcompress.names import number_repeated
from tfcompress.observation import Observed


class DistillationStep(SavedWhole, Observed):
    """The training and test step of a distiller; the Keras base comes beside it.

    `Distiller` documents the arguments.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: Any = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        objective = Objective(distillation_losses, distillation_loss_weights)
        share = ScheduledValue(
            student_loss_weight,
            "student_loss_weight",
            allowed=lambda number: 0 <= number <= 1,
            expected="the share of the student's own loss in the total, from 0 to 1",
        )
        keras_compat.check_model(student, name="student")
        teaching = as_teacher(teacher)
        if objective.looks_at_outputs:
            check_outputs(teaching, student)
        tapped = TappedModel(student, objective.student_layers, "student")
        regressors = objective.build(teaching, tapped)
        super().__init__(name=name, **kwargs)
        self.student = student
        self.regressors = regressors
        moving = [
            (value, self._variable_for(value, f"scheduled_value_{number}"))
            for number, value in enumerate([share, *objective.scheduled_values])
            if not value.is_constant
        ]
        self._parts = Untracked(
            Parts(teacher, teaching, tapped, objective, share, moving)
        )
        self._attach()
        mean = keras_compat.keras_of(student).metrics.Mean
        self.loss_mean = mean(name="loss")
        self.student_loss_mean = mean(name="student_loss")
        self.distillation_loss_mean = mean(name="distillation_loss")
        several = len(objective.names) > 1
        self.named_loss_means = [
            mean(name=f"{name}_loss") for name in objective.names if several
        ]
        self.supports_jit = teaching.supports_jit
        self.built = True

    @property
    def teacher(self) -> Any:
        """The teacher, as it was given."""
        return self._parts.value.given

    def observe(self) -> Mapping[str, float]:
        """Returns the present temperatures and weights of the losses, by name."""
        parts = self._parts.value
        values = {"student_loss_weight": parts.share, **parts.objective.named_values}
        return {name: float(value()) for name, value in values.items()}

    def __dir__(self) -> list[str]:
        """Returns the names of attributes, without the teacher.

        Keras saves every model that it finds under them, properties too, and a
        checkpoint shall hold no teacher.
        """
        return [name for name in super().__dir__() if name != "teacher"]

    @property
    def student_loss_weight(self) -> Any:
        """The share of the student's own loss: a number, or a schedule."""
        return self._parts.value.share.given

    @property
    def metrics(self) -> list[Any]:
        """The metrics, with the total loss in the place of Keras's own.

        Compiled metrics are among them from the first labels on; Keras 3 cannot give
        the result of those that have not seen any.
        """
        others = [metric for metric in super().metrics if metric.name != "loss"]
        return [self.loss_mean, *(m for m in others if getattr(m, "built", True))]

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Returns the student's outputs."""
        return self.student(inputs, training=training, mask=mask)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains the student, as `keras.Model.fit` does, after a look at the data.

        Args:
            x: Inputs, or a data set of them; see `keras.Model.fit`.
            y: Labels, where `x` does not bring them.
            *args: As in `keras.Model.fit`.
            **kwargs: As in `keras.Model.fit`.

        Returns:
            The `History` of `keras.Model.fit`. Its logs hold `loss`, and as its parts
            `student_loss` and `distillation_loss`, each of several distillation losses
            by its name, and the compiled metrics.

        Raises:
            DataError: If the data is empty, has no labels where the student's loss
                counts, holds NaN or infinite numbers, or labels outside the student's
                classes, or if a cached teacher does not know it. Arrays are checked
                whole, of a data set the first batch.
            ArgumentError: If a model of tf_keras is compiled with `jit_compile=True`
                and a cached teacher cannot be; Keras 3 warns, and does not compile.
            ModelError: If teacher or student turn out to give probabilities, or the
                student's weights are not finite in the end.
        """
        if self.jit_compile and not self.supports_jit:
            raise ArgumentError(
                "XLA cannot compile a step that reads a cached teacher. Compile the "
                "distiller with jit_compile=False. Received: jit_compile=True"
            )
        self._check_data(x, y, name="x, y")
        validation = kwargs.get("validation_data")
        if isinstance(validation, tuple | list):
            self._check_data(*validation[:2], name="validation_data")
        elif validation is not None:
            self._check_data(validation, name="validation_data")
        self._attach()
        arguments = self._with_progress(x, y, args, kwargs)
        history = _clear_errors(lambda: super(DistillationStep, self).fit(**arguments))
        keras_compat.check_model(self.student, name="the trained student")
        return history

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Returns losses and metrics, as `keras.Model.evaluate` does."""
        self._attach()
        evaluate = super().evaluate
        return _clear_errors(lambda: evaluate(*args, **kwargs))

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes one step: the teacher outside the tape, the student once within."""
        x, y, sample_weight = _unpack(data)
        targets = self._targets(x, new=False)
        with tf.GradientTape() as tape:
            said = self._parts.value.student(x, training=True)
            losses = self._combine(x, y, said, sample_weight, targets, training=True)
            scaled = self._scale(losses["loss"])
        self._apply_gradients(tape, scaled)
        return self._log(x, y, said.outputs, sample_weight, losses)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measures the losses and metrics of one batch in inference mode."""
        x, y, sample_weight = _unpack(data)
        said = self._parts.value.student(x, training=False)
        targets = self._targets(x, new=True)
        losses = self._combine(x, y, said, sample_weight, targets, training=False)
        return self._log(x, y, said.outputs, sample_weight, losses)

    @abc.abstractmethod
    def _scale(self, loss: Any) -> Any:
        """Returns the loss to differentiate, scaled where precision is mixed."""

    @abc.abstractmethod
    def _apply_gradients(self, tape: Any, scaled_loss: Any) -> None:
        """Differentiates the scaled loss and changes the student's weights."""

    @abc.abstractmethod
    def _compiled_loss(
        self, x: Any, y: Any, outputs: Any, sample_weight: Any, training: bool
    ) -> Any:
        """Returns the loss given to `compile` plus the student's own losses."""

    def _check_data(self, x: Any, y: Any = None, *, name: str) -> None:
        parts = self._parts.value
        batch = first_batch(x, y, name=name)
        if batch is None:
            return
        if batch.y is None and not parts.share.is_always(0.0):
            raise DataError(
                f"{name} must bring labels, for the student's own loss counts; without "
                "labels, build the distiller with student_loss_weight=0. "
                "Received: no labels"
            )
        if takes_class_numbers(self.loss):
            check_labels(self.student, batch.y, name=name)
        if parts.objective.looks_at_outputs and not parts.share.is_always(1.0):
            check_gives_logits(self.student, batch.x, "student")
            for model in parts.teacher.models:
                if not parts.teacher.gives_probabilities:
                    check_gives_logits(model, batch.x, "teacher")

    def _with_progress(self, x: Any, y: Any, args: Any, kwargs: Any) -> dict[str, Any]:
        """Returns the arguments of `fit`, with what moves the scheduled values."""
        library: Any = keras_compat.keras_of(self.student)
        bound = inspect.signature(library.Model.fit).bind(self, x, y, *args, **kwargs)
        arguments = dict(list(bound.arguments.items())[1:])
        moving = self._parts.value.moving
        if moving:

            def move(progress: float, step: int) -> None:
                for value, _ in moving:
                    value.move(progress, step)

            given = arguments.get("callbacks") or []
            given = given if isinstance(given, list | tuple) else [given]
            callback = keras_compat.progress_callback(library, move)
            arguments["callbacks"] = [callback, *given]
        return arguments

    def _variable_for(self, value: ScheduledValue, name: str) -> Any:
        """Makes the variable that holds a value that moves, saved with the rest."""
        initializers = keras_compat.keras_of(self.student).initializers
        return self.add_weight(
            name=name,
            shape=(),
            dtype="float32",
            initializer=initializers.Constant(value.schedule(0.0)),
            trainable=False,
        )

    def _attach(self) -> None:
        """Puts values that move into the variables of this distiller.

        A loss may have been given to another distiller since.
        """
        for value, variable in self._parts.value.moving:
            value.attach(variable)

    def _targets(self, x: Any, *, new: bool) -> Targets | None:
        parts = self._parts.value
        if parts.share.is_always(1.0):
            return None
        layers = parts.objective.teacher_layers
        if new:
            return parts.teacher.targets_of_new(x, layers)
        return parts.teacher.targets(x, layers)

    def _combine(
        self,
        x: Any,
        y: Any,
        said: Targets,
        sample_weight: Any,
        targets: Targets | None,
        training: bool,
    ) -> dict[str, Any]:
        """Returns the total and its parts, each as this replica's share."""
        parts = self._parts.value
        share = parts.share()
        own = [tf.cast(loss, tf.float32) for loss in self.student.losses]
        own_loss = tf.add_n(own) if own else tf.constant(0.0)
        own_loss /= tf.cast(_replicas(), tf.float32)
        student_loss = distillation_loss = tf.constant(0.0)
        named = dict.fromkeys(parts.objective.names, tf.constant(0.0))
        if not parts.share.is_always(0.0):
            student_loss = tf.cast(
                self._compiled_loss(x, y, said.outputs, sample_weight, training),
                tf.float32,
            )
            student_loss -= own_loss
        if targets is not None:
            named = parts.objective(
                targets._replace(outputs=_packed(targets.outputs, said.outputs)),
                said,
                labels=y,
                sample_weight=sample_weight,
                names=_output_names(self.student, said.outputs),
            )
            replicas = tf.cast(_replicas(), tf.float32)
            named = {name: loss / replicas for name, loss in named.items()}
            distillation_loss = parts.objective.weighted_sum(named)
        return {
            "loss": share * student_loss + (1 - share) * distillation_loss + own_loss,
            "student_loss": student_loss,
            "distillation_loss": distillation_loss,
            **{f"{name}_loss": loss for name, loss in named.items()},
        }

    def _log(
        self,
        x: Any,
        y: Any,
        outputs: Any,
        sample_weight: Any,
        losses: dict[str, Any],
    ) -> dict[str, Any]:
        samples = tf.shape(tf.nest.flatten(x)[0])[0]
        means = [self.loss_mean, self.student_loss_mean, self.distillation_loss_mean]
        trackers = {mean.name: mean for mean in [*means, *self.named_loss_means]}
        for key, tracker in trackers.items():
            value = losses[key] * tf.cast(_replicas(), tf.float32)
            tracker.update_state(value, sample_weight=samples)
        logs = {} if y is None else self.compute_metrics(x, y, outputs, sample_weight)
        return {**logs, **{key: mean.result() for key, mean in trackers.items()}}


def _unpack(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple):
        return data, None, None
    return (*data, None, None)[:3]


def _packed(outputs: Any, like: Any) -> Any:
    """Returns the teacher's outputs in the student's structure, where they fit it."""
    flat = tf.nest.flatten(outputs)
    if len(flat) != len(tf.nest.flatten(like)):
        return outputs
    return tf.nest.pack_sequence_as(like, flat)


def _output_names(student: Any, outputs: Any) -> list[str]:
    """Returns the names of a student's outputs, in the order of `tf.nest`."""
    if isinstance(outputs, dict):
        return sorted(outputs)
    if isinstance(outputs, list | tuple):
        return list(number_repeated(student.output_names))
    return [student.layers[-1].name]


def _clear_errors(run: Callable[[], Any]) -> Any:
    """Runs a function; what a cached teacher says in the graph becomes our error."""
    try:
        return run()
    except tf.errors.InvalidArgumentError as error:
        _, found, said = str(error.message).partition("tfcompress: ")
        if not found:
            raise
        raise DataError(said.partition("\n")[0]) from error


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync
