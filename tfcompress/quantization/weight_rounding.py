"""How the kernels of a quantization-aware model are rounded."""

import abc
import dataclasses
from typing import Any, ClassVar, Self

import tensorflow as tf

from tfcompress.quantization import formats
from tfcompress.quantization.formats.bits import check_name
from tfcompress.quantization.kernel_grid import check_bits


@dataclasses.dataclass(frozen=True)
class KernelRounding(abc.ABC):
    """Rounds a kernel to the numbers of a format that reach its greatest value.

    The gradient passes as if nothing was rounded (straight-through; Bengio et al.,
    2013, https://arxiv.org/abs/1308.3432), and zeros stay zero.

    Args:
        bits: From 2 to 8.
        axes: Axes of the kernel along which each index has a scale of its own. None
            at all is one scale for the whole kernel.

    Attributes:
        format: Name of the format. TFLite has kernels for `"linear"`.
    """

    bits: int
    axes: tuple[int, ...]
    format: ClassVar[str]

    def __post_init__(self) -> None:
        check_bits(self.bits)
        object.__setattr__(self, "axes", tuple(self.axes))

    @abc.abstractmethod
    def parameters(self, kernel: Any) -> formats.Parameters:
        """Returns how the numbers of a kernel are written as whole numbers."""

    def __call__(self, kernel: Any) -> Any:
        """Returns the kernel rounded; what is not a number stays so."""
        kernel = tf.convert_to_tensor(kernel)
        rounded = formats.fake_quantize(kernel, self.parameters(kernel))
        return tf.where(tf.math.is_finite(kernel), rounded, kernel)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"bits": self.bits, "axes": list(self.axes)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds the rounding from what `get_config` returned."""
        return cls(**config)


@dataclasses.dataclass(frozen=True)
class LinearRounding(KernelRounding):
    """Rounds a kernel to equal steps on both sides of 0, as TFLite stores it.

    The greatest value of each output stands at the end of its grid, of
    `2**(bits - 1) - 1` steps.
    """

    format = "linear"

    def parameters(self, kernel: Any) -> formats.LinearParameters:
        """Returns the scales of a kernel."""
        others = [axis for axis in range(len(kernel.shape)) if axis not in self.axes]
        limit = tf.reduce_max(tf.abs(kernel), axis=others, keepdims=True)
        steps = 2 ** (self.bits - 1) - 1
        scale = tf.where(limit > 0, limit / steps, 1.0)
        return formats.LinearParameters(
            scale,
            tf.zeros_like(scale, tf.int32),
            self.bits,
            narrow_range=True,
            granularity=formats.Granularity(self.axes),
        )


@dataclasses.dataclass(frozen=True)
class LogarithmicRounding(KernelRounding):
    """Rounds a kernel to steps that grow with the number.

    See `tfcompress.quantization.formats.logarithmic_parameters`.
    """

    format = "logarithmic"

    def parameters(self, kernel: Any) -> formats.LogarithmicParameters:
        """Returns the units and the scales of a kernel."""
        return formats.logarithmic_parameters(kernel, bits=self.bits, axis=self.axes)


@dataclasses.dataclass(frozen=True)
class PowerOfTwoRounding(KernelRounding):
    """Rounds a kernel to 0 and the positive and negative powers of two.

    See `tfcompress.quantization.formats.power_of_two_parameters`.
    """

    format = "power_of_two"

    def parameters(self, kernel: Any) -> formats.PowerOfTwoParameters:
        """Returns the largest exponents of a kernel."""
        return formats.power_of_two_parameters(kernel, bits=self.bits, axis=self.axes)


ROUNDINGS: dict[str, type[KernelRounding]] = {
    kind.format: kind
    for kind in (LinearRounding, LogarithmicRounding, PowerOfTwoRounding)
}


def check_weight_format(name: Any) -> str:
    """Returns the name of a format that kernels can be trained in.

    Raises:
        ArgumentError: If there is none of this name; the message has the nearest.
    """
    check_name("weight_format", name, tuple(ROUNDINGS))
    return str(name)
