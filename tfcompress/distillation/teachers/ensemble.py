"""Several teachers as one."""

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from tfcompress.distillation.teachers.as_teacher import as_teacher, teacher_from_config
from tfcompress.distillation.teachers.hashing import hash_parts
from tfcompress.distillation.teachers.model_teacher import logits_of
from tfcompress.distillation.teachers.teacher import Targets, Teacher
from tfcompress.errors import ArgumentError

_AVERAGES = ("probabilities", "logits")


class Ensemble(Teacher):
    """Teaches the average of several teachers.

    The average of probabilities is that of the mixture of the teachers; the average of
    logits, the normalized geometric mean of their probabilities, is less even. Both are
    in use: Beyer et al., "Knowledge distillation: A good teacher is patient and
    consistent", 2021, https://arxiv.org/abs/2106.05237, take the former; Yang et al.,
    "TextBrewer", 2020, https://arxiv.org/abs/2002.12620, the latter. For a regression
    take `average="logits"`: the average of the outputs.

    Args:
        teachers: Two teachers or more: Keras models of either Keras, functions, or
            other teachers.
        weights: A number of 0 or more for each; they are divided by their sum.
            Defaults to equal weights.
        average: `"probabilities"`, the default, or `"logits"`.

    Raises:
        ArgumentError: If there are no teachers, or weights or average do not fit.

    Example:
    ```python
    teacher = tfc.distillation.Ensemble([first, second], weights=[2, 1])
    distiller = tfc.Distiller(teacher, student, tfc.distillation.LogitsDistillation())
    ```
    """

    def __init__(
        self,
        teachers: Sequence[Any],
        *,
        weights: Sequence[float] | None = None,
        average: str = "probabilities",
    ):
        if not teachers:
            raise ArgumentError(
                "teachers must hold one teacher at least. Received: teachers=[]"
            )
        if average not in _AVERAGES:
            raise ArgumentError(
                f"average must be one of {_AVERAGES}. Received: average={average!r}"
            )
        self.teachers = tuple(as_teacher(teacher) for teacher in teachers)
        self.weights = _normalized(weights, len(self.teachers))
        self.average = average

    def targets(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns the logits of the average."""
        outputs = [teacher.targets(x).outputs for teacher in self.teachers]
        columns = zip(*(tf.nest.flatten(output) for output in outputs), strict=True)
        mean = mean_probabilities if self.average == "probabilities" else mean_logits
        averages = [mean(column, self.weights) for column in columns]
        return Targets(tf.nest.pack_sequence_as(outputs[0], averages), {})

    @property
    def models(self) -> tuple[Any, ...]:
        """The models of all teachers."""
        return tuple(model for teacher in self.teachers for model in teacher.models)

    @property
    def gives_probabilities(self) -> bool:
        """Whether all of them do."""
        return all(teacher.gives_probabilities for teacher in self.teachers)

    @property
    def output_shapes(self) -> Any:
        """The shapes of the first teacher's outputs."""
        return self.teachers[0].output_shapes

    def get_config(self) -> dict[str, Any]:
        """Returns the teachers and how they are averaged, as plain data."""
        teachers = [
            {"class_name": type(t).__name__, "config": t.get_config()}
            for t in self.teachers
        ]
        weights = list(self.weights)
        return {"teachers": teachers, "weights": weights, "average": self.average}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the teachers, whose weights are those of new ones."""
        teachers = [teacher_from_config(teacher) for teacher in config["teachers"]]
        return cls(teachers, weights=config["weights"], average=config["average"])

    def hash(self) -> str | None:
        """Returns the SHA-256 of the teachers' hashes, weights and average."""
        hashes = [teacher.hash() for teacher in self.teachers]
        return hash_parts(self.average, *map(repr, self.weights), *hashes)

    def save_weights(self, directory: Path) -> None:
        """Writes the weights of all teachers, each into a folder of its own."""
        for number, teacher in enumerate(self.teachers):
            folder = directory / str(number)
            folder.mkdir()
            teacher.save_weights(folder)

    def load_weights(self, directory: Path) -> None:
        """Reads the weights that `save_weights` wrote."""
        for number, teacher in enumerate(self.teachers):
            teacher.load_weights(directory / str(number))


def mean_probabilities(logits: Sequence[Any], weights: Sequence[float]) -> Any:
    """Returns the logits of log Σᵢ wᵢ · softmax(zᵢ), in float32.

    Args:
        logits: Tensors of one shape `(batch, ..., classes)`. A single column is the
            logit of the second of two classes.
        weights: A number for each, with a sum of 1.
    """
    activation, probabilities = "softmax", tf.nn.softmax
    if logits[0].shape[-1] == 1:
        activation, probabilities = "sigmoid", tf.nn.sigmoid
    mixture = tf.add_n(
        [
            weight * probabilities(tf.cast(values, tf.float32))
            for values, weight in zip(logits, weights, strict=True)
        ]
    )
    return logits_of(mixture, activation)


def mean_logits(logits: Sequence[Any], weights: Sequence[float]) -> Any:
    """Returns Σᵢ wᵢ · zᵢ, in float32.

    Args:
        logits: Tensors of one shape.
        weights: A number for each, with a sum of 1.
    """
    return tf.add_n(
        [
            weight * tf.cast(values, tf.float32)
            for values, weight in zip(logits, weights, strict=True)
        ]
    )


def _normalized(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    if weights is None:
        return (1 / count,) * count
    numbers = all(isinstance(w, Real) and 0 <= w < float("inf") for w in weights)
    if len(weights) != count or not numbers or not sum(weights):
        raise ArgumentError(
            f"weights must hold a number of 0 or more for each of the {count} "
            f"teachers, not all 0. Received: weights={list(weights)}"
        )
    return tuple(float(weight / sum(weights)) for weight in weights)
