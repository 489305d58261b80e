"""A Keras model that teaches."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.tapped_model import TappedModel
from tfcompress.distillation.teachers.hashing import hash_model
from tfcompress.distillation.teachers.teacher import Targets, Teacher

# The smallest probability whose logarithm TensorFlow gives: it takes smaller, denormal
# numbers for 0.
SMALLEST = float(np.finfo(np.float32).tiny)


class ModelTeacher(Teacher):
    """Runs a model in its own precision, and gives logits whatever it ends in.

    Where an output ends in a softmax or a sigmoid, its logits are the logarithms (the
    log-odds) of its probabilities, which equal the true logits up to a constant that a
    softmax does not see.

    Args:
        model: A built functional or Sequential model of either Keras.

    Raises:
        ModelError: If it is subclassed or not built, or its weights are not finite.
    """

    def __init__(self, model: Any):
        keras_compat.check_model(model, name="teacher")
        self.model = model
        self._activations = keras_compat.output_activations(model)
        self._tapped = TappedModel(model, (), "teacher")

    def targets(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns the model's logits, and features, of a batch."""
        outputs, features = self._look_at(layers)(x, training=False)
        flat = map(logits_of, tf.nest.flatten(outputs), self._activations)
        return Targets(
            tf.nest.pack_sequence_as(outputs, list(map(tf.stop_gradient, flat))),
            {name: tf.stop_gradient(value) for name, value in features.items()},
        )

    @property
    def models(self) -> tuple[Any, ...]:
        """The model."""
        return (self.model,)

    @property
    def gives_probabilities(self) -> bool:
        """Whether an output is known to end in a softmax or a sigmoid."""
        return not {"softmax", "sigmoid"}.isdisjoint(self._activations)

    @property
    def output_shapes(self) -> Any:
        """Shapes of the outputs, with None for the batch."""
        return TappedModel(self.model, (), "teacher").shapes.outputs

    def layer_shapes(self, layers: Sequence[str]) -> dict[str, tuple]:
        """Returns the shapes of the outputs of layers, with None for the batch."""
        return self._look_at(layers).shapes.features

    def get_config(self) -> dict[str, Any]:
        """Returns the model's architecture, as plain data."""
        saving = keras_compat.keras_of(self.model).saving
        home = "tf_keras" if keras_compat.is_tf_keras(self.model) else "keras"
        return {"keras": home, "model": saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the model; its weights are those of a new one."""
        return cls(model_from_config(config))

    def hash(self) -> str:
        """Returns the SHA-256 of the model's weights."""
        return hash_model(self.model)

    def save_weights(self, directory: Path) -> None:
        """Writes the model's weights into a folder."""
        self.model.save_weights(directory / "teacher.weights.h5")

    def load_weights(self, directory: Path) -> None:
        """Reads the weights that `save_weights` wrote."""
        self.model.load_weights(directory / "teacher.weights.h5")

    def _look_at(self, layers: Sequence[str]) -> TappedModel:
        if self._tapped.layers != tuple(dict.fromkeys(layers)):
            self._tapped = TappedModel(self.model, layers, "teacher")
        return self._tapped


def model_from_config(config: Mapping[str, Any]) -> Any:
    """Builds a model from its Keras and what that Keras serialized."""
    legacy = config["keras"] == "tf_keras"
    library: Any = keras_compat.tf_keras() if legacy else keras_compat.keras()
    return library.saving.deserialize_keras_object(config["model"])


def logits_of(output: Any, activation: str | None) -> Any:
    """Returns the logits of what ends in softmax or sigmoid, and other values as is.

    Args:
        output: Float tensor.
        activation: Name of the activation that it ends in, or None.
    """
    if activation not in ("softmax", "sigmoid"):
        return output
    output = tf.cast(output, tf.float32)
    logarithm = tf.math.log(tf.maximum(output, SMALLEST))
    if activation == "softmax":
        return logarithm
    return logarithm - tf.math.log(tf.maximum(1.0 - output, SMALLEST))
