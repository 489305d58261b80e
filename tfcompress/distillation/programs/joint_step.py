"""One step that trains a model, or several, on the labels and on each other."""

import abc
import functools
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.losses import soft_targets
from tfcompress.distillation.losses.class_logits import as_classes
from tfcompress.distillation.losses.logits_distillation import LogitsDistillation
from tfcompress.distillation.reduction import weighted_mean
from tfcompress.errors import DataError, ModelError

# What it calls on itself comes from the Keras model beside it.
_Base: Any = abc.ABC


class JointStep(_Base):
    """The training and test step of models that have no teacher but each other.

    It minimizes Σₙ weightsₙ · partₙ plus the models' own regularization, where the part
    `"student_loss"` is the loss given to `compile`, summed over the outputs that
    `_forward` returns, and the others are what else it returns. `keras_class` puts the
    Keras base beside it.

    Args:
        models: Models of one Keras, trained together.
        weights: The weight of each part, by its name in the logs.
    """

    def __init__(self, models: list[Any], weights: dict[str, float]):
        super().__init__(name="joint_training")
        self.models = models
        self.weights_of_parts = weights
        mean = keras_compat.keras_of(models[0]).metrics.Mean
        self.means = [mean(name=name) for name in ("loss", *weights)]
        self.built = True

    @abc.abstractmethod
    def _forward(
        self, x: Any, sample_weight: Any, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Returns outputs that the labels are for, and the other parts of the loss."""

    @abc.abstractmethod
    def _measured(self, outputs: list[Any]) -> list[Any]:
        """Returns the outputs that the compiled metrics look at."""

    @property
    def metrics(self) -> list[Any]:
        """The metrics, with the total loss in the place of Keras's own."""
        means = {id(mean) for mean in self.means}
        others = [m for m in super().metrics if m.name != "loss" and id(m) not in means]
        return [*self.means, *others]

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Returns the first output that the labels are for."""
        return self._forward(inputs, None, bool(training))[0][0]

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes one step with all the models."""
        x, y, sample_weight = _unpack(data)
        with tf.GradientTape() as tape:
            outputs, parts = self._parts(x, y, sample_weight, training=True)
            scaled = self._scale(parts["loss"])
        self._apply_gradients(tape, scaled)
        return self._log(x, y, sample_weight, outputs, parts)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measures the losses and metrics of one batch in inference mode."""
        x, y, sample_weight = _unpack(data)
        outputs, parts = self._parts(x, y, sample_weight, training=False)
        return self._log(x, y, sample_weight, outputs, parts)

    @abc.abstractmethod
    def _scale(self, loss: Any) -> Any:
        """Returns the loss to differentiate, scaled where precision is mixed."""

    @abc.abstractmethod
    def _apply_gradients(self, tape: Any, scaled_loss: Any) -> None:
        """Differentiates the scaled loss and changes the weights."""

    def _parts(
        self, x: Any, y: Any, sample_weight: Any, training: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Returns outputs, and the total and its parts as this replica's share."""
        if y is None:
            raise DataError(
                "The data must bring labels: without a teacher the models learn from "
                "them first. Received: no labels"
            )
        replicas = tf.cast(
            tf.distribute.get_strategy().num_replicas_in_sync, tf.float32
        )
        outputs, parts = self._forward(x, sample_weight, training)
        own = [tf.cast(loss, tf.float32) for loss in self.losses]
        own_loss = (tf.add_n(own) if own else tf.constant(0.0)) / replicas
        parts = {name: value / replicas for name, value in parts.items()}
        parts["student_loss"] = tf.add_n(
            [
                tf.cast(self.compute_loss(x, y, output, sample_weight), tf.float32)
                - own_loss
                for output in outputs
            ]
        )
        weighted = [self.weights_of_parts[name] * parts[name] for name in parts]
        return outputs, {**parts, "loss": tf.add_n(weighted) + own_loss}

    def _log(
        self, x: Any, y: Any, sample_weight: Any, outputs: Any, parts: Any
    ) -> dict[str, Any]:
        samples = tf.shape(tf.nest.flatten(x)[0])[0]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for mean in self.means:
            value = parts[mean.name] * tf.cast(replicas, tf.float32)
            mean.update_state(value, sample_weight=samples)
        logs: dict[str, Any] = {}
        for output in self._measured(outputs):
            logs = self.compute_metrics(x, y, output, sample_weight)
        return {**logs, **{mean.name: mean.result() for mean in self.means}}


def divergence(
    teacher_logits: Any, student_logits: Any, sample_weight: Any, temperature: float
) -> Any:
    """Returns T² · KL(teacher ‖ student) of a batch; the teacher gets no gradient.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`; of a single
            column it is the logit of the second of two classes.
        student_logits: The same of the student.
        sample_weight: Weights of samples, as `fit` takes them, or None.
        temperature: T, above 0.

    Example:
    ```python
    from tfcompress.distillation.programs.joint_step import divergence

    divergence([[2.0, 0.0]], [[0.0, 2.0]], None, 1.0)
    ```
    """
    values = soft_targets.kl_divergence(
        tf.stop_gradient(as_classes(teacher_logits)),
        as_classes(student_logits),
        temperature=temperature,
    )
    mask = keras_compat.implicit_mask(student_logits)
    return weighted_mean(values, sample_weight, mask)


def check_classifier(model: Any) -> None:
    """Raises a `ModelError` unless a model has one output, in logits."""
    keras_compat.check_model(model, name="student")
    if len(model.outputs) != 1:
        raise ModelError(
            "The model must have one output, for its classes. "
            f"Received: student {model.name!r} with {len(model.outputs)} outputs"
        )
    LogitsDistillation().validate_model_compatibility(None, model)


@functools.cache
def keras_class(step: type[JointStep], *, legacy: bool) -> type:
    """Returns a class of either Keras that trains by a step.

    Args:
        step: A class derived from `JointStep`.
        legacy: Whether it is one of tf_keras.

    Example:
    ```python
    from tfcompress.distillation.programs.joint_step import keras_class
    from tfcompress.distillation.programs.mutual_learning import MutualStep

    learner = keras_class(MutualStep, legacy=False)([student, other], 1.0, 1.0)
    ```
    """
    base = keras_compat.tf_keras().Model if legacy else keras_compat.keras().Model
    precision = _TFKerasPrecision if legacy else _KerasPrecision
    bases = (precision, step, keras_compat.AcceptsEitherKeras, base)
    return type(step.__name__, bases, {"__doc__": step.__doc__})


class _KerasPrecision(_Base):
    """How Keras 3 scales losses where precision is mixed."""

    def _scale(self, loss: Any) -> Any:
        return self.optimizer.scale_loss(loss)

    def _apply_gradients(self, tape: Any, scaled_loss: Any) -> None:
        weights = self.trainable_weights
        gradients = tape.gradient(scaled_loss, weights)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))


class _TFKerasPrecision(_Base):
    """How tf_keras scales losses where precision is mixed."""

    def _scale(self, loss: Any) -> Any:
        return self.optimizer.get_scaled_loss(loss) if self._scales else loss

    def _apply_gradients(self, tape: Any, scaled_loss: Any) -> None:
        weights = self.trainable_weights
        gradients = tape.gradient(scaled_loss, weights)
        if self._scales:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))

    @property
    def _scales(self) -> bool:
        scaling = keras_compat.tf_keras().mixed_precision.LossScaleOptimizer
        return isinstance(self.optimizer, scaling)


def _unpack(data: Any) -> tuple[Any, Any, Any]:
    if not isinstance(data, tuple):
        return data, None, None
    return (*data, None, None)[:3]
