"""TF-MOT's quantization wrapper, rounding each kernel as the file will hold it."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import tensorflow as tf
import tf_keras

from tfcompress.errors import ModelError
from tfcompress.keras_compat.kernel_substitution import substituted
from tfcompress.keras_compat.prunable_weights import PrunableWeight, prunable_weights
from tfcompress.keras_compat.tfmot_layers import tfmot_core

_Wrapper: Any = tfmot_core("quantization.keras.quantize_wrapper").QuantizeWrapper
_NoOp: Any = tfmot_core(
    "quantization.keras.default_8bit.default_8bit_quantize_configs"
).NoOpQuantizeConfig


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class RoundedLayer(_Wrapper):
    """A layer that computes with rounded kernels.

    It is TF-MOT's `QuantizeWrapper`, except that the roundings are any functions of a
    weight, that the kernels stay variables of their layer, that it calls its layer as
    Keras does (with masks, several inputs, losses), has the name of its layer, and is
    saved with all it holds. Activations are rounded elsewhere: see `ActivationRange`.

    Args:
        layer: A built tf_keras layer. The wrapper holds this very layer.
        roundings: What is done to each kernel, by its number among `prunable_weights`:
            a function of a weight that has `bits`, the name of a `format` and
            `get_config`, or None.
        kept: What of each kernel stays as it is: `"sparsity"`, `"clusters"` or both.
        shapes: The shape of each kernel.
        **kwargs: What a tf_keras layer takes.
    """

    def __init__(
        self,
        layer: Any,
        roundings: Mapping[int, Any],
        kept: Mapping[int, Sequence[str]],
        shapes: Mapping[int, Sequence[int]],
        **kwargs: Any,
    ) -> None:
        kwargs = {"dtype": layer.dtype, **kwargs, "name": layer.name, "autocast": False}
        super().__init__(layer, _NoOp(), **kwargs)
        self._roundings = {int(key): value for key, value in roundings.items()}
        self._kept = {int(key): tuple(value) for key, value in kept.items()}
        self._shapes = {int(key): tuple(value) for key, value in shapes.items()}
        self.supports_masking = True
        # Masks of sequences reach the layer inside with its inputs.
        self._call_spec.expects_mask_arg = False
        inner = layer._call_spec
        self._call_spec.expects_training_arg = inner.expects_training_arg
        self._call_spec.expected_context_args = set(inner.expected_context_args)

    def build(self, input_shape: Any) -> None:
        """Makes the variables that say what stays, and a switch for `fit` to turn."""
        super(_Wrapper, self).build(input_shape)
        self.rounds = self.add_weight(
            "rounds", shape=[], initializer="ones", dtype="int32", trainable=False
        )
        self._zeros = {
            str(number): self._add(f"stays_{number}", number, "ones", "float32")
            for number, kept in self._kept.items()
            if "sparsity" in kept
        }
        self._clusters = {
            str(number): self._add(f"clusters_{number}", number, "zeros", "int32")
            for number, kept in self._kept.items()
            if "clusters" in kept
        }

    def _add(self, name: str, number: int, initializer: str, dtype: str) -> Any:
        return self.add_weight(
            name,
            shape=self._shapes[number],
            initializer=initializer,
            dtype=dtype,
            trainable=False,
        )

    def keep(self) -> None:
        """Notes which weights are zero and which are equal, to keep them so."""
        kernels = prunable_weights(self.layer)
        for number, variable in self._zeros.items():
            kernel = kernels[int(number)].variable
            variable.assign(tf.cast(tf.not_equal(kernel, 0), tf.float32))
        for number, variable in self._clusters.items():
            kernel = kernels[int(number)].variable
            _, places = tf.unique(tf.reshape(kernel, [-1]))
            variable.assign(tf.reshape(places, kernel.shape))

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer with its kernels rounded."""
        # Layers that others are made of may be built by their first call only.
        if len(prunable_weights(self.layer)) < len(self._roundings):
            return self.layer(inputs, *args, **kwargs)
        rounded = [(each, self._rounded(n, each)) for n, each in self._variables()]
        with substituted(self.layer, rounded):
            return self.layer(inputs, *args, **kwargs)

    def _variables(self) -> list[tuple[int, Any]]:
        kernels = prunable_weights(self.layer)
        return [(number, kernels[number].variable) for number in self._roundings]

    def _rounded(self, number: int, variable: Any) -> Any:
        value = self._keeping(number, variable)
        rounding = self._roundings[number]
        if rounding is None:
            return value
        return tf.cond(self.rounds > 0, lambda: rounding(value), lambda: value)

    def _keeping(self, number: int, variable: Any) -> Any:
        """Returns a kernel whose zeros and clusters are as they were."""
        value = tf.convert_to_tensor(variable)
        if str(number) in self._clusters:
            value = _gathered(value, self._clusters[str(number)])
        if str(number) in self._zeros:
            value = value * self._zeros[str(number)]
        return value

    def rounded_kernels(self) -> list[tuple[Any, Any]]:
        """Returns each kernel, a variable, with the numbers that the layer uses."""
        return [
            (variable, self._rounded(number, variable).numpy())
            for number, variable in self._variables()
        ]

    def unrounded_kernels(self) -> list[Any]:
        """Returns what each rounding is given, in the order of `roundings`."""
        return [
            self._keeping(number, variable) for number, variable in self._variables()
        ]

    @property
    def zero_masks(self) -> list[tuple[PrunableWeight, Any]]:
        """Each kernel whose zeros stay, with the variable that is 0 where they are."""
        kernels = prunable_weights(self.layer)
        return [(kernels[int(number)], mask) for number, mask in self._zeros.items()]

    @property
    def clustered(self) -> tuple[int, ...]:
        """The kernels whose clusters stay, by their numbers."""
        return tuple(int(number) for number in self._clusters)

    @property
    def roundings(self) -> dict[int, Any]:
        """What is done to each kernel, by its number among `prunable_weights`."""
        return self._roundings

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the mask of sequences that the layer hands on."""
        return self.layer.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape that the layer gives."""
        return self.layer.compute_output_shape(input_shape)

    @property
    def activity_regularizer(self) -> None:
        """None: the layer inside adds the loss of its own."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            **super(_Wrapper, self).get_config(),
            "roundings": {
                str(number): None if rounding is None else _as_data(rounding)
                for number, rounding in self._roundings.items()
            },
            "kept": {str(key): list(value) for key, value in self._kept.items()},
            "shapes": {str(key): list(value) for key, value in self._shapes.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Builds the wrapper, and its layer, from what `get_config` returned."""
        config = dict(config)
        config["layer"] = tf_keras.layers.deserialize(
            config["layer"], custom_objects=custom_objects
        )
        config["roundings"] = {
            number: None if rounding is None else _from_data(rounding)
            for number, rounding in config["roundings"].items()
        }
        return cls(**config)


def _as_data(rounding: Any) -> dict[str, Any]:
    """Returns a rounding as plain data, which HDF5 files hold as well."""
    kind = type(rounding)
    return {
        "module": kind.__module__,
        "class_name": kind.__name__,
        "config": rounding.get_config(),
    }


def _from_data(data: dict[str, Any]) -> Any:
    """Builds a rounding of ours from plain data."""
    if not data["module"].startswith("tfcompress."):
        raise ModelError(
            "The file names a rounding that is not of tfcompress, and is not trusted. "
            f"Received: {data['module']}.{data['class_name']}"
        )
    kind = getattr(importlib.import_module(data["module"]), data["class_name"])
    return kind.from_config(data["config"])


def _gathered(kernel: Any, clusters: Any) -> Any:
    """Returns a kernel whose weights of one cluster all have the mean of them."""
    flat = tf.reshape(kernel, [-1])
    places = tf.reshape(clusters, [-1])
    means = tf.math.unsorted_segment_mean(flat, places, tf.size(flat))
    return tf.reshape(tf.gather(means, places), tf.shape(kernel))
