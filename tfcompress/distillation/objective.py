"""What a distiller minimizes beside the student's own loss: weighted losses."""

import collections
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.losses.keras_loss import KerasLoss
from tfcompress.distillation.losses.loss import DistillationLoss
from tfcompress.distillation.losses.scheduled_value import ScheduledValue
from tfcompress.distillation.reduction import (
    mean_weight,
    weighted_mean,
    weights_of_outputs,
)
from tfcompress.distillation.tapped_model import TappedModel
from tfcompress.distillation.teachers.teacher import Targets, Teacher
from tfcompress.errors import ArgumentError


class Objective:
    """Distillation losses and their weights: Σᵢ wᵢ · lossᵢ(teacher, student).

    Args:
        losses: A `DistillationLoss`, one of `keras.distillation`, or a list of them.
        weights: A number or schedule for each. Defaults to 1 each.

    Raises:
        ArgumentError: If there is no loss, or the weights do not match.
    """

    def __init__(self, losses: Any, weights: Any = None):
        self.losses = _as_losses(losses)
        self.names = _names(self.losses)
        self.weights = _as_weights(weights, len(self.losses))

    @property
    def teacher_layers(self) -> tuple[str, ...]:
        """Names of the teacher's layers that any loss looks at, each once."""
        return _unique(name for loss in self.losses for name in loss.teacher_layers)

    @property
    def student_layers(self) -> tuple[str, ...]:
        """Names of the student's layers that any loss looks at, each once."""
        return _unique(name for loss in self.losses for name in loss.student_layers)

    @property
    def looks_at_outputs(self) -> bool:
        """Whether any loss compares the outputs of both models."""
        return any(not loss.student_layers for loss in self.losses)

    @property
    def scheduled_values(self) -> list[ScheduledValue]:
        """The numbers that may change over the training."""
        inner = [value for loss in self.losses for value in loss.scheduled_values()]
        return [*self.weights, *inner]

    @property
    def named_values(self) -> dict[str, ScheduledValue]:
        """The same by name; that of the loss stands before it where there are several.

        Such as `temperature`, or `logits_distillation/temperature`.
        """
        named = {}
        several = len(self.losses) > 1
        for name, loss, weight in zip(
            self.names, self.losses, self.weights, strict=True
        ):
            values = {value.name: value for value in loss.scheduled_values()}
            for key, value in {"weight": weight, **values}.items():
                named[f"{name}/{key}" if several else key] = value
        return named

    def build(self, teacher: Teacher, student: TappedModel) -> list[Any]:
        """Checks the losses against the models, and makes what they train.

        Args:
            teacher: What teaches.
            student: The student, tapped at `student_layers`.

        Returns:
            The layers that the losses train beside the student.
        """
        features = {}
        if self.teacher_layers:
            features = teacher.layer_shapes(self.teacher_layers)
        shapes = Targets(teacher.output_shapes, features), student.shapes
        library = keras_compat.keras_of(student.model)
        for loss in self.losses:
            for model in teacher.models or (None,):
                loss.validate_model_compatibility(model, student.model)
            loss.build(*_looked_at(loss, *shapes), library)
        return [layer for loss in self.losses for layer in loss.regressors]

    def __call__(
        self,
        teacher: Targets,
        student: Targets,
        *,
        labels: Any,
        sample_weight: Any,
        names: list[str],
    ) -> dict[str, Any]:
        """Returns the losses of a batch by name, each a float32 scalar.

        Args:
            teacher: What the teacher says, its outputs in the student's structure.
            student: What the student says.
            labels: The labels, or None.
            sample_weight: Weights of samples, as `fit` takes them, or None.
            names: Names of the student's outputs, in flattened order.
        """
        found = {}
        for name, loss in zip(self.names, self.losses, strict=True):
            compared = _looked_at(loss, teacher, student)
            values = loss.compute_loss(*compared, labels=labels)
            masks = [
                keras_compat.implicit_mask(tensor)
                for tensor in tf.nest.flatten(compared[1])
            ]
            if loss.student_layers and not isinstance(values, list | tuple):
                # Layers of one sequence hand on one mask, or none.
                masks = [next((mask for mask in masks if mask is not None), None)]
            found[name] = _reduced(values, sample_weight, masks, names)
        return found

    def weighted_sum(self, values: Mapping[str, Any]) -> Any:
        """Returns Σᵢ wᵢ · lossᵢ of what a call returned, a float32 scalar."""
        weights = zip(self.names, self.weights, strict=True)
        return tf.add_n([weight() * values[name] for name, weight in weights])


def _reduced(values: Any, sample_weight: Any, masks: list[Any], names: Any) -> Any:
    weights = weights_of_outputs(sample_weight, names)
    if not isinstance(values, list | tuple):
        weight = weights[0] if _same(weights) else mean_weight(weights)
        return weighted_mean(values, weight, masks[0] if _same(masks) else None)
    if len(values) != len(weights):
        weights = [mean_weight(weights)] * len(values)
    return tf.add_n(list(map(weighted_mean, values, weights, masks)))


def _same(values: list[Any]) -> bool:
    return all(value is values[0] for value in values)


def _looked_at(
    loss: DistillationLoss, teacher: Targets, student: Targets
) -> tuple[Any, Any]:
    """Returns what a loss compares: outputs, or the features that it names."""
    return (
        _pick(teacher, loss.teacher_layers),
        _pick(student, loss.student_layers),
    )


def _pick(said: Targets, layers: Sequence[str]) -> Any:
    if not layers:
        return said.outputs
    picked = [said.features[name] for name in layers]
    return picked[0] if len(picked) == 1 else picked


def _unique(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _names(losses: Sequence[DistillationLoss]) -> tuple[str, ...]:
    """Returns the name of each loss: its class, numbered where that comes again."""
    counts: collections.Counter[str] = collections.Counter()
    found = []
    for loss in losses:
        kind = type(loss.loss if isinstance(loss, KerasLoss) else loss).__name__
        name = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", kind).lower()
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return tuple(found)


def _as_losses(losses: Any) -> list[DistillationLoss]:
    losses = list(losses) if isinstance(losses, list | tuple) else [losses]
    if not losses:
        raise ArgumentError(
            "distillation_losses must hold one loss at least, such as "
            "LogitsDistillation(temperature=4). Received: distillation_losses=[]"
        )
    found: list[DistillationLoss] = []
    for loss in losses:
        if isinstance(loss, keras.distillation.DistillationLoss):
            loss = KerasLoss(loss)
        if not isinstance(loss, DistillationLoss):
            raise ArgumentError(
                "distillation_losses must be a DistillationLoss or a list of them, "
                "such as LogitsDistillation(temperature=4). "
                f"Received: distillation_losses={loss!r}"
            )
        found.append(loss)
    return found


def _as_weights(weights: Any, count: int) -> list[ScheduledValue]:
    if weights is None:
        weights = [1.0] * count
    weights = list(weights) if isinstance(weights, list | tuple) else [weights]
    if len(weights) != count:
        raise ArgumentError(
            "distillation_loss_weights must hold one number for each loss. Received: "
            f"{len(weights)} weights for {count} losses"
        )
    return [
        ScheduledValue(
            weight,
            "distillation_loss_weights",
            allowed=lambda number: 0 <= number < float("inf"),
            expected="a number of 0 or more for each loss",
        )
        for weight in weights
    ]
