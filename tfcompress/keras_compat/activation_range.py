"""TF-MOT's layer that rounds activations, with a range that is calibrated first."""

from typing import Any

import tensorflow as tf
import tf_keras

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.tfmot_layers import tfmot_core

_Quantizer: Any = modules.tfmot().quantization.keras.quantizers.Quantizer
_QuantizeLayer: Any = tfmot_core("quantization.keras.quantize_layer").QuantizeLayer

DECAY = 0.999
# Scores below this are masked; in a file they stand a little below all others.
_MASKED = -1e8
_BELOW = 8.0
_NARROWEST = 1e-6
# Two means differ by more of a step than this, but for the errors of float32.
_TIE = 1e-3


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class RangeQuantizer(_Quantizer):
    """Rounds values to the steps of a range that it knows, or finds while it trains.

    Before its range is known it rounds nothing: the first batch of training sets the
    range, each later one moves it by a thousandth of the way.

    Args:
        bits: 8 or fewer: steps between any two ends with 0 among the steps; 16: as many
            steps on both sides of 0.
        fixed: The ends of a range that never moves, as a file has it behind a softmax,
            or None.
        masked: Whether values of about minus infinity may be among them, which a
            softmax behind makes zero. They take no part in the range, except that its
            low end is so far below the others that the softmax makes them nearly zero.
        averaged: Whether means are among them, of which many lie half-way between two
            steps. Average pooling in TFLite takes those away from the middle of the
            range; other operations take them up.
    """

    def __init__(
        self,
        bits: int = 8,
        fixed: tuple[float, float] | None = None,
        masked: bool = False,
        averaged: bool = False,
    ) -> None:
        self.bits = bits
        self.fixed = None if fixed is None else tuple(fixed)
        self.masked = masked
        self.averaged = averaged

    @property
    def symmetric(self) -> bool:
        """Whether both ends are equally far from 0, as for whole numbers of 16 bits."""
        return self.bits > 8

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Makes the variables of the range, and switches for `fit` to turn."""

        def end(name: str, value: float) -> Any:
            return layer.add_weight(
                name,
                shape=[],
                initializer=tf_keras.initializers.Constant(value),
                dtype="float32",
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.MEAN,
            )

        def switch(name: str, value: bool) -> Any:
            return layer.add_weight(
                name,
                shape=[],
                initializer=tf_keras.initializers.Constant(int(value)),
                dtype="int32",
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

        low, high = self.fixed or (0.0, 0.0)
        return {
            "low": end("low", low),
            "high": end("high", high),
            "known": switch("known", self.fixed is not None),
            "moves": switch("moves", self.fixed is None),
            "rounds": switch("rounds", True),
        }

    @tf.autograph.experimental.do_not_convert
    def __call__(
        self, inputs: Any, training: Any, weights: dict[str, Any], **kwargs: Any
    ) -> Any:
        """Rounds values, after a step of training has moved the range."""
        if training and self.fixed is None:
            self._move(inputs, weights)
        rounds = tf.logical_and(weights["rounds"] > 0, weights["known"] > 0)
        return tf.cond(rounds, lambda: self.rounded(inputs, weights), lambda: inputs)

    def rounded(self, inputs: Any, weights: dict[str, Any]) -> Any:
        """Rounds values to the steps of the range."""
        low, high = ends(weights["low"], weights["high"])

        def nearest(values: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_vars(
                values, low, high, num_bits=self.bits, narrow_range=self.symmetric
            )

        rounded = nearest(inputs)
        if not self.averaged:
            return rounded
        outward = nearest(inputs + self._outward(inputs, low, high))
        return rounded + tf.stop_gradient(outward - rounded)

    def _outward(self, inputs: Any, low: Any, high: Any) -> Any:
        """Returns a little of a step, away from the middle of the range."""
        levels = 2**self.bits
        step = (high - low) / (levels - 2 if self.symmetric else levels - 1)
        zero = levels // 2 if self.symmetric else tf.floor(0.5 - low / step)
        middle = (levels // 2 - zero) * step
        return _TIE * step * tf.sign(inputs - middle)

    def counted(self, inputs: Any) -> Any:
        """Returns the values that the range is to hold."""
        if not self.masked:
            return inputs
        seen = inputs > _MASKED
        lowest = tf.minimum(tf.reduce_min(tf.where(seen, inputs, 0.0)), 0.0)
        return tf.where(seen, inputs, lowest - _BELOW)

    def _move(self, inputs: Any, weights: dict[str, Any]) -> None:
        inputs = self.counted(inputs)
        low = tf.minimum(tf.reduce_min(inputs), 0.0)
        high = tf.maximum(tf.reduce_max(inputs), 0.0)
        if self.symmetric:
            high = tf.maximum(high, -low)
            low = -high
        stays = tf.where(weights["known"] > 0, DECAY, 0.0)
        stays = tf.where(weights["moves"] > 0, stays, 1.0)
        weights["low"].assign(stays * weights["low"] + (1.0 - stays) * low)
        weights["high"].assign(stays * weights["high"] + (1.0 - stays) * high)
        weights["known"].assign(tf.ones([], tf.int32))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "bits": self.bits,
            "fixed": self.fixed,
            "masked": self.masked,
            "averaged": self.averaged,
        }


def ends(low: Any, high: Any) -> tuple[Any, Any]:
    """Returns the ends of a range; 0 and 1 where all values are nearly 0.

    The converter widens ranges below a millionth, and narrow ones make the steps of the
    next layer's bias too small.
    """
    is_wide = high - low > _NARROWEST
    return tf.where(is_wide, low, 0.0), tf.where(is_wide, high, 1.0)


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class ActivationRange(_QuantizeLayer):
    """Rounds what passes through it, to the steps that the file will have there.

    It is TF-MOT's `QuantizeLayer`. Called at several places it gives them one range, as
    the operations of TFLite demand that only hand values on.

    Args:
        bits: How many bits the values have.
        fixed: See `RangeQuantizer`.
        masked: See `RangeQuantizer`.
        averaged: See `RangeQuantizer`.
        **kwargs: What a tf_keras layer takes.
    """

    def __init__(
        self,
        bits: int = 8,
        fixed: tuple[float, float] | None = None,
        masked: bool = False,
        averaged: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(RangeQuantizer(bits, fixed, masked, averaged), **kwargs)
        self.supports_masking = True
        self.observer: Any = None

    def build(self, input_shape: Any) -> None:
        """Makes the variables of the range."""
        super().build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Rounds the values, or shows them to an observer and passes them on."""
        if self.observer is not None:
            self.observer.update(self.quantizer.counted(inputs))
            return inputs
        return super().call(inputs, training=training)

    @property
    def bits(self) -> int:
        """How many bits the values have."""
        return self.quantizer.bits

    @property
    def fixed(self) -> tuple[float, float] | None:
        """The ends of a range that never moves, or None."""
        return self.quantizer.fixed

    @property
    def is_known(self) -> bool:
        """Whether data has shown the range."""
        return bool(self.quantizer_vars["known"].numpy() > 0)

    @property
    def range(self) -> tuple[float, float]:
        """The low and the high end."""
        weights = self.quantizer_vars
        low, high = ends(weights["low"], weights["high"])
        return float(low), float(high)

    def set_range(self, low: float, high: float) -> None:
        """Sets the ends of the range."""
        self.quantizer_vars["low"].assign(low)
        self.quantizer_vars["high"].assign(high)
        self.quantizer_vars["known"].assign(1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        config = super().get_config()
        del config["quantizer"]
        return {**config, **self.quantizer.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ActivationRange":
        """Builds the layer from what `get_config` returned."""
        return cls(**config)


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class ConstantRange(tf_keras.layers.Layer):
    """Rounds what passes through it to the steps of a range that is a constant.

    The converter takes such a range for the one that the file has there.

    Args:
        low: The low end.
        high: The high end.
        bits: How many bits the values have.
        **kwargs: What a tf_keras layer takes.
    """

    def __init__(self, low: float, high: float, bits: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.bits = low, high, bits
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Rounds the values."""
        return tf.quantization.fake_quant_with_min_max_args(
            inputs,
            min=self.low,
            max=self.high,
            num_bits=self.bits,
            narrow_range=self.bits > 8,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        own = {"low": self.low, "high": self.high, "bits": self.bits}
        return {**super().get_config(), **own}
