"""A model that teaches its own shallow layers."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.programs.execution import Execution
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
from tfcompress.distillation.reduction import weighted_mean
from tfcompress.errors import ArgumentError, ModelError


class SelfDistillation(Program):
    """Trains a model with auxiliary heads that learn from its deepest one.

    Zhang et al., "Be Your Own Teacher: Improve the Performance of Convolutional Neural
    Networks via Self Distillation", 2019, https://arxiv.org/abs/1905.08094. A head on
    each named layer averages the layer over its positions, brings it to the width of
    the deepest features by a dense layer with ReLU (the paper: by convolutions), and
    classifies by another. The loss is

        (1 − alpha) · Σᵢ CE(y, pᵢ) + alpha · Σᵢ T² · KL(p ‖ pᵢ)
        + feature_weight · Σᵢ ‖Fᵢ − F‖²

    where the first sum takes the model's own output p too, F is the deepest features,
    and p and F get no gradient as teachers. The heads are dropped in the end.

    Args:
        layers: Names of the model's layers that get a head, shallow to deep.
        epochs: Passes over the data, 1 or more.
        feature_layer: Name of the layer whose output is the deepest features. None, the
            default, is what the last layer takes.
        temperature: T, above 0. Defaults to 3, as in the authors' code.
        alpha: Share of the soft targets, from 0 to 1. Defaults to 0.1, as there.
        feature_weight: 0 or more. Defaults to 1e-4. The squared distance is summed over
            features and averaged over samples; the authors sum over a batch of 128 with
            1e-6.

    Raises:
        ArgumentError: If there are no layers, or a number is out of range.

    Example:
    ```python
    from tfcompress.distillation.programs import SelfDistillation

    result = SelfDistillation(["hidden"], epochs=10).run(
        student, x, y,
        compile_model=lambda model: model.compile("adam", loss=loss),
    )
    ```
    """

    def __init__(
        self,
        layers: Sequence[str],
        epochs: int,
        feature_layer: str | None = None,
        temperature: float = 3.0,
        alpha: float = 0.1,
        feature_weight: float = 1e-4,
    ):
        if isinstance(layers, str) or not layers:
            raise ArgumentError(
                "layers must be a list of names of layers, one at least. "
                f"Received: layers={layers!r}"
            )
        check_epochs(epochs, "epochs")
        check_number(temperature, "temperature", above=True)
        check_number(alpha, "alpha", above=False)
        check_number(feature_weight, "feature_weight", above=False)
        if alpha > 1:
            raise ArgumentError(
                "alpha is the share of the soft targets, from 0 to 1. "
                f"Received: alpha={alpha}"
            )
        self.layers = list(layers)
        self.epochs = epochs
        self.feature_layer = feature_layer
        self.temperature = float(temperature)
        self.alpha = float(alpha)
        self.feature_weight = float(feature_weight)

    def run(
        self,
        student: Any,
        x: Any,
        y: Any = None,
        *,
        compile_model: Callable[[Any], Any],
        directory: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] = (),
        **fit_arguments: Any,
    ) -> ProgramResult:
        """Trains a copy of the student; see `Program` for what may be given.

        Args:
            student: A built functional or Sequential classifier of either Keras, that
                ends in logits.
            x: Inputs, or a data set, as `fit` takes them.
            y: Labels, where `x` does not bring them.
            compile_model: Compiles the model of the fit. Metrics are of the model's own
                output.
            directory: Folder to resume from. Defaults to None.
            callbacks: Keras callbacks.
            **fit_arguments: As for `fit`.

        Returns:
            A `ProgramResult` with the student, without heads. Its one stage is
            `"self_distillation"`.

        Raises:
            ModelError: If the student has no such layer, or one of another form.
            TFCompressError: If the data or the folder cannot be used.
        """
        check_classifier(student)
        _build_trunk(student, self.layers, self.feature_layer)
        execution = self._execution(
            x,
            y,
            [student],
            compile_model=compile_model,
            directory=directory,
            callbacks=callbacks,
            fit_arguments=fit_arguments,
        )
        copy = execution.start("student", student)
        execution.train(
            "self_distillation",
            lambda: self._build_learner(copy, execution),
            [copy],
            epochs=self.epochs,
        )
        return ProgramResult(copy, (copy,), execution.history)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "layers": self.layers,
            "epochs": self.epochs,
            "feature_layer": self.feature_layer,
            "temperature": self.temperature,
            "alpha": self.alpha,
            "feature_weight": self.feature_weight,
        }

    def _build_learner(self, student: Any, execution: Execution) -> Any:
        trunk = _build_trunk(student, self.layers, self.feature_layer)
        logits, (*tapped, deepest) = trunk.output
        (logits,) = keras_compat.flatten(logits)
        library = keras_compat.keras_of(student)
        widths = deepest.shape[-1], logits.shape[-1]
        heads = [
            _build_head(library, tensor.shape, *widths, f"head_{number + 1}")
            for number, tensor in enumerate(tapped)
        ]
        heads = [execution.start(head.name, head) for head in heads]
        step = keras_class(SelfStep, legacy=keras_compat.is_tf_keras(student))
        return step(trunk, heads, self.temperature, self.alpha, self.feature_weight)


class SelfStep(JointStep):
    """The step of self-distillation.

    Args:
        trunk: A model that gives its logits, and a list of the tapped layers and the
            deepest features.
        heads: For each tapped layer a model that gives features and logits.
        temperature: T.
        alpha: Share of the soft targets.
        feature_weight: Weight of the features.
    """

    def __init__(
        self,
        trunk: Any,
        heads: list[Any],
        temperature: float,
        alpha: float,
        feature_weight: float,
    ):
        weights = {
            "student_loss": 1.0 - alpha,
            "distillation_loss": alpha,
            "feature_loss": feature_weight,
        }
        super().__init__([trunk, *heads], weights)
        self.temperature = temperature

    def _forward(
        self, x: Any, sample_weight: Any, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        trunk, *heads = self.models
        logits, (*tapped, deepest) = trunk(x, training=training)
        (logits,) = keras_compat.flatten(logits)
        deepest = tf.stop_gradient(_over_positions(deepest))
        soft, near, outputs = [], [], [logits]
        for head, tensor in zip(heads, tapped, strict=True):
            features, output = head(tensor, training=training)
            squared = tf.square(tf.cast(features, tf.float32) - deepest)
            near.append(weighted_mean(tf.reduce_sum(squared, -1), sample_weight))
            soft.append(divergence(logits, output, sample_weight, self.temperature))
            outputs.append(output)
        return outputs, {
            "distillation_loss": tf.add_n(soft),
            "feature_loss": tf.add_n(near),
        }

    def _measured(self, outputs: list[Any]) -> list[Any]:
        return outputs[:1]


def _build_head(library: Any, shape: Any, width: int, classes: int, name: str) -> Any:
    """Returns a model from a layer's output to features and logits."""
    layers = library.layers
    inputs = layers.Input(tuple(shape)[1:])
    x = inputs
    if len(shape) > 2:
        pooling = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D"}
        pooling[5] = "GlobalAveragePooling3D"
        x = getattr(layers, pooling[len(shape)])()(x)
    features = layers.Dense(width, activation="relu", name="features")(x)
    logits = layers.Dense(classes, name="logits", dtype="float32")(features)
    return library.Model(inputs, [features, logits], name=name)


def _over_positions(features: Any) -> Any:
    features = tf.cast(features, tf.float32)
    axes = list(range(1, features.shape.rank - 1))
    return tf.reduce_mean(features, axes) if axes else features


def _build_trunk(student: Any, layers: Sequence[str], feature_layer: str | None) -> Any:
    """Returns a model that gives logits, and the tapped layers, the deepest last."""
    names = [*layers] if feature_layer is None else [*layers, feature_layer]
    trunk = keras_compat.tap(student, names, role="student")
    logits, tensors = trunk.output
    if feature_layer is None:
        tensors = [*tensors, student.layers[-1].input]
    for tensor in tensors:
        if not 2 <= len(tensor.shape) <= 5 or tensor.shape[-1] is None:
            raise ModelError(
                "The layers must have outputs of shape (batch, ..., channels), of 2 to "
                f"5 axes. Received: an output of shape {tuple(tensor.shape)} in "
                f"student {student.name!r}"
            )
    return keras_compat.keras_of(student).Model(trunk.input, [logits, tensors])
