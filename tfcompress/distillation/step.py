"""One step of distillation, written once for both Kerases."""

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.checks import (
    check_gives_logits,
    check_labels,
    check_pair,
    first_batch,
    takes_class_numbers,
)
from tfcompress.distillation.loss import DistillationLoss
from tfcompress.distillation.teacher import Teacher
from tfcompress.errors import ArgumentError, DataError, ModelError

# What it calls on itself comes from the Keras model beside it.
_Base: Any = abc.ABC


class DistillationStep(_Base):
    """The training and test step of a distiller; the Keras base comes beside it.

    `Distiller` documents the arguments.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        losses, weights = _pair(distillation_losses, distillation_loss_weights)
        check_pair(teacher, student)
        for loss in losses:
            loss.validate_model_compatibility(teacher, student)
        super().__init__(name=name, **kwargs)
        self.student = student
        self.student_loss_weight = _check_share(student_loss_weight)
        self._distilled = Untracked((Teacher(teacher), losses, weights))
        mean = keras_compat.keras_of(student).metrics.Mean
        self.loss_mean = mean(name="loss")
        self.student_loss_mean = mean(name="student_loss")
        self.distillation_loss_mean = mean(name="distillation_loss")
        self.built = True

    @property
    def teacher(self) -> Any:
        """The teacher's model, as it was given."""
        return self._distilled.value[0].model

    @property
    def metrics(self) -> list[Any]:
        """The metrics, with the total loss in the place of Keras's own."""
        others = [metric for metric in super().metrics if metric.name != "loss"]
        return [self.loss_mean, *others]

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
            `student_loss` and `distillation_loss`, and the compiled metrics.

        Raises:
            DataError: If the data is empty, has no labels where the student's loss
                counts, holds NaN or infinite numbers, or labels outside the student's
                classes. Arrays are checked whole, of a data set the first batch.
            ModelError: If teacher or student turn out to give probabilities, or the
                student's weights are not finite in the end.
        """
        self._check_data(x, y, name="x, y")
        validation = kwargs.get("validation_data")
        if isinstance(validation, tuple | list):
            self._check_data(*validation[:2], name="validation_data")
        elif validation is not None:
            self._check_data(validation, name="validation_data")
        history = super().fit(x, y, *args, **kwargs)
        keras_compat.check_model(self.student, name="the trained student")
        return history

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuses: what is worth saving is the student.

        Raises:
            ModelError: Always.
        """
        raise ModelError(
            "A distiller is not saved whole, for its teacher is not a part of it: save "
            "distiller.student, or give ModelCheckpoint save_weights_only=True. "
            f"Received: distiller {self.name!r}"
        )

    def _check_data(self, x: Any, y: Any = None, *, name: str) -> None:
        batch = first_batch(x, y, name=name)
        if batch is None:
            return
        if batch.y is None and self.student_loss_weight > 0:
            raise DataError(
                f"{name} must bring labels, for the student's own loss counts; without "
                "labels, build the distiller with student_loss_weight=0. "
                "Received: no labels"
            )
        if takes_class_numbers(self.loss):
            check_labels(self.student, batch.y, name=name)
        teacher = self._distilled.value[0]
        check_gives_logits(self.student, batch.x, "student")
        if not teacher.gives_probabilities:
            check_gives_logits(teacher.model, batch.x, "teacher")

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes one step: the teacher outside the tape, the student once within."""
        x, y, sample_weight = _unpack(data)
        targets = self._targets(x)
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            losses = self._combine(x, y, outputs, sample_weight, targets, training=True)
            scaled = self._scale(losses["loss"])
        self._apply_gradients(tape, scaled)
        return self._log(x, y, outputs, sample_weight, losses)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measures the losses and metrics of one batch in inference mode."""
        x, y, sample_weight = _unpack(data)
        outputs = self(x, training=False)
        losses = self._combine(
            x, y, outputs, sample_weight, self._targets(x), training=False
        )
        return self._log(x, y, outputs, sample_weight, losses)

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

    def _targets(self, x: Any) -> Any:
        if self.student_loss_weight == 1.0:
            return None
        return self._distilled.value[0].logits(x)

    def _combine(
        self,
        x: Any,
        y: Any,
        outputs: Any,
        sample_weight: Any,
        targets: Any,
        training: bool,
    ) -> dict[str, Any]:
        """Returns the total and its parts, each as this replica's share."""
        share = self.student_loss_weight
        own = [tf.cast(loss, tf.float32) for loss in self.student.losses]
        own_loss = tf.add_n(own) if own else tf.constant(0.0)
        own_loss /= tf.cast(_replicas(), tf.float32)
        student_loss = distillation_loss = tf.constant(0.0)
        if share > 0:
            student_loss = tf.cast(
                self._compiled_loss(x, y, outputs, sample_weight, training), tf.float32
            )
            student_loss -= own_loss
        if targets is not None:
            distillation_loss = self._distillation_loss(targets, outputs, sample_weight)
        return {
            "loss": share * student_loss + (1 - share) * distillation_loss + own_loss,
            "student_loss": student_loss,
            "distillation_loss": distillation_loss,
        }

    def _distillation_loss(self, targets: Any, outputs: Any, sample_weight: Any) -> Any:
        _, losses, weights = self._distilled.value
        total = tf.constant(0.0)
        for loss, weight in zip(losses, weights, strict=True):
            values = tf.cast(loss.compute_loss(targets, outputs), tf.float32)
            total += weight * tf.reduce_mean(_weighted(values, sample_weight))
        return total / tf.cast(_replicas(), tf.float32)

    def _log(
        self,
        x: Any,
        y: Any,
        outputs: Any,
        sample_weight: Any,
        losses: dict[str, Any],
    ) -> dict[str, Any]:
        samples = tf.shape(tf.nest.flatten(x)[0])[0]
        trackers = {
            "loss": self.loss_mean,
            "student_loss": self.student_loss_mean,
            "distillation_loss": self.distillation_loss_mean,
        }
        for key, tracker in trackers.items():
            value = losses[key] * tf.cast(_replicas(), tf.float32)
            tracker.update_state(value, sample_weight=samples)
        logs = {} if y is None else self.compute_metrics(x, y, outputs, sample_weight)
        return {**logs, **{key: mean.result() for key, mean in trackers.items()}}


class Untracked:
    """Holds a value that Keras shall neither track, train nor save."""

    def __init__(self, value: Any):
        self.value = value


def _pair(losses: Any, weights: Any) -> tuple[list[DistillationLoss], list[float]]:
    single = not isinstance(losses, Sequence)
    losses = [losses] if single else list(losses)
    if not losses:
        raise ArgumentError(
            "distillation_losses must hold one loss at least, such as "
            "LogitsDistillation(temperature=4). Received: distillation_losses=[]"
        )
    for loss in losses:
        if not callable(getattr(loss, "compute_loss", None)):
            raise ArgumentError(
                "distillation_losses must be a DistillationLoss or a list of them, "
                "such as LogitsDistillation(temperature=4). "
                f"Received: distillation_losses={loss!r}"
            )
    if weights is None:
        return losses, [1.0] * len(losses)
    weights = [weights] if not isinstance(weights, Sequence) else list(weights)
    if len(weights) != len(losses):
        raise ArgumentError(
            "distillation_loss_weights must hold one number for each loss. Received: "
            f"{len(weights)} weights for {len(losses)} losses"
        )
    return losses, [float(weight) for weight in weights]


def _check_share(share: float) -> float:
    if not 0 <= share <= 1:
        raise ArgumentError(
            "student_loss_weight is the share of the student's own loss in the total, "
            f"from 0 to 1. Received: student_loss_weight={share}"
        )
    return float(share)


def _unpack(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple):
        return data, None, None
    return (*data, None, None)[:3]


def _weighted(values: Any, sample_weight: Any) -> Any:
    """Multiplies losses of samples, or of their positions, by their weights."""
    if sample_weight is None or not values.shape.rank:
        return values
    if isinstance(sample_weight, dict | list | tuple):
        raise ArgumentError(
            "sample_weight must be one array for all outputs. "
            f"Received: sample_weight of type {type(sample_weight).__name__}"
        )
    weight = tf.cast(sample_weight, tf.float32)
    extra = values.shape.rank - weight.shape.rank
    if extra < 0:
        weight = tf.reduce_mean(
            weight, list(range(values.shape.rank, weight.shape.rank))
        )
    return values * tf.reshape(weight, tf.concat([tf.shape(weight), [1] * extra], 0))


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync
