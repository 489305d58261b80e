"""One fit of a program."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import tensorflow as tf

from tfcompress.distillation.distiller import Distiller
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.errors import ArgumentError
from tfcompress.schedules import Schedule, deserialize, serialize


@dataclasses.dataclass(frozen=True)
class Stage:
    """One fit of a program: what the student is taught, and for how long.

    Attributes:
        epochs: Passes over the data, 1 or more.
        distillation_losses: A `DistillationLoss` or a list of them, as `Distiller`
            takes them. Each fit starts with new ones of the same settings. By default
            there are none: the student learns from the labels alone.
        distillation_loss_weights: As `Distiller` takes them. Defaults to 1 each.
        student_loss_weight: Share of the labels in the loss, as `Distiller` takes it.
            None, the default, is 0.5, or 1 where there are no losses.

    Raises:
        ArgumentError: If `epochs` is not a whole number of 1 or more, if what is given
            for a loss is none, or if there are weights without losses.

    Example:
    ```python
    import tfcompress as tfc
    from tfcompress.distillation.programs import Stage

    stage = Stage(10, tfc.distillation.LogitsDistillation(4.0), student_loss_weight=0.1)
    ```
    """

    epochs: int
    distillation_losses: Any = ()
    distillation_loss_weights: Any = None
    student_loss_weight: Any = None

    def __post_init__(self) -> None:
        check_epochs(self.epochs, "epochs")
        for loss in self._losses():
            if not callable(getattr(loss, "compute_loss", None)):
                raise ArgumentError(
                    "distillation_losses must be a DistillationLoss or a list of them, "
                    "such as LogitsDistillation(temperature=4). "
                    f"Received: distillation_losses={self.distillation_losses!r}"
                )
        if self._losses():
            return
        if self.distillation_loss_weights is not None:
            raise ArgumentError(
                "distillation_loss_weights must not be given without losses. Received: "
                f"distillation_loss_weights={self.distillation_loss_weights!r}"
            )
        if self.student_loss_weight not in (None, 1, 1.0):
            raise ArgumentError(
                "Without distillation_losses the student learns from the labels alone; "
                "leave student_loss_weight out, or give losses. Received: "
                f"student_loss_weight={self.student_loss_weight!r}"
            )

    def build_distiller(self, teacher: Any, student: Any) -> Any:
        """Returns a new `Distiller` for this stage, not compiled.

        Args:
            teacher: What `Distiller` takes for a teacher.
            student: The model to be trained, in place.
        """
        losses = [type(loss).from_config(loss.get_config()) for loss in self._losses()]
        if not losses:
            return Distiller(teacher, student, _NoLoss(), student_loss_weight=1.0)
        share = self.student_loss_weight
        return Distiller(
            teacher,
            student,
            losses,
            self.distillation_loss_weights,
            0.5 if share is None else share,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        weights = self.distillation_loss_weights
        several = isinstance(weights, Sequence)
        return {
            "epochs": self.epochs,
            "distillation_losses": [
                keras.saving.serialize_keras_object(loss) for loss in self._losses()
            ],
            "distillation_loss_weights": (
                [_plain(weight) for weight in weights] if several else _plain(weights)
            ),
            "student_loss_weight": _plain(self.student_loss_weight),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a stage from what `get_config` returned."""
        config = dict(config)
        config["distillation_losses"] = [
            keras.saving.deserialize_keras_object(loss)
            for loss in config["distillation_losses"]
        ]
        weights = config["distillation_loss_weights"]
        several = isinstance(weights, Sequence)
        config["distillation_loss_weights"] = (
            [_restored(weight) for weight in weights] if several else _restored(weights)
        )
        config["student_loss_weight"] = _restored(config["student_loss_weight"])
        return cls(**config)

    def _losses(self) -> list[Any]:
        losses = self.distillation_losses
        return list(losses) if isinstance(losses, Sequence) else [losses]


class _NoLoss(DistillationLoss):
    """Stands where a `Distiller` wants a loss and only the labels count."""

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns 0."""
        return tf.constant(0.0)

    def get_config(self) -> dict[str, Any]:
        """Returns nothing, for there are no arguments."""
        return {}


def check_epochs(epochs: Any, name: str) -> None:
    """Raises an `ArgumentError` unless this is a whole number of 1 or more."""
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise ArgumentError(
            f"{name} must be a whole number of 1 or more. Received: {name}={epochs!r}"
        )


def check_stage(stage: Any, name: str) -> None:
    """Raises an `ArgumentError` unless this is a `Stage`."""
    if not isinstance(stage, Stage):
        raise ArgumentError(
            f"{name} must be a Stage, such as Stage(epochs=10, "
            f"distillation_losses=LogitsDistillation(4)). Received: {name}={stage!r}"
        )


def _plain(weight: Any) -> Any:
    return serialize(weight) if isinstance(weight, Schedule) else weight


def _restored(weight: Any) -> Any:
    return deserialize(weight) if isinstance(weight, dict) else weight
