"""How the kernels of a quantization-aware model are rounded."""

import dataclasses
from typing import Any

import tensorflow as tf

from tfcompress.quantization.kernel_grid import check_bits


@dataclasses.dataclass(frozen=True)
class LinearRounding:
    """Rounds a kernel to equal steps on both sides of 0, as TFLite stores it.

    The greatest value of each output stands at the end of its grid, of
    `2**(bits - 1) - 1` steps. The gradient passes as if nothing was rounded
    (straight-through; Bengio et al., 2013, https://arxiv.org/abs/1308.3432).

    Args:
        bits: From 2 to 8.
        axes: Axes of the kernel along which each index has a scale of its own.
    """

    bits: int
    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        check_bits(self.bits)
        object.__setattr__(self, "axes", tuple(self.axes))

    def __call__(self, kernel: Any) -> Any:
        """Returns the kernel rounded."""
        others = [axis for axis in range(len(kernel.shape)) if axis not in self.axes]
        limit = tf.reduce_max(tf.abs(kernel), axis=others, keepdims=True)
        scale = limit / (2 ** (self.bits - 1) - 1)
        rounded = tf.round(tf.math.divide_no_nan(kernel, scale)) * scale
        return kernel + tf.stop_gradient(rounded - kernel)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"bits": self.bits, "axes": list(self.axes)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LinearRounding":
        """Builds the rounding from what `get_config` returned."""
        return cls(**config)
