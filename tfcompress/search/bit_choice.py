"""A way to store the weights of a layer in a file."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np

from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.quantization.formats import choose_parameters
from tfcompress.quantization.kernel_grid import round_kernel

# A scale and its zero point; a bias has as many of them.
_BYTES_OF_A_SCALE = 12
_BITS = {"int4": 4, "int8": 8, "float16": 16}


@dataclasses.dataclass(frozen=True)
class BitChoice:
    """How a layer stores its weights: bits, granularity and range method.

    Attributes:
        format: `"int8"`, `"int4"` or `"float16"`.
        per_channel: Whether each output channel has a scale of its own.
        method: How the range of the weights is chosen: `"min_max"`, or `"mse"`, which
            cuts off what is far out.
    """

    format: Literal["int8", "int4", "float16"]
    per_channel: bool = True
    method: Literal["min_max", "mse"] = "min_max"

    def __str__(self) -> str:
        if self.format == "float16":
            return self.format
        granularity = "channel" if self.per_channel else "tensor"
        return f"{self.format} per {granularity}, {self.method}"

    @property
    def bits(self) -> int:
        """Bits of a weight."""
        return _BITS[self.format]

    def bytes(
        self, kernel: np.ndarray, axes: Sequence[int], *, biased: bool = True
    ) -> int:
        """Returns about how many bytes a kernel and its scales take in a file.

        Args:
            kernel: The numbers.
            axes: Its axes with a scale for each index.
            biased: Whether the layer has a bias, whose scales are counted too.
        """
        weights = -(-kernel.size * self.bits // 8)
        if self.format == "float16":
            return weights
        scales = 1
        if self.per_channel:
            scales = int(np.prod([kernel.shape[axis] for axis in axes]))
        return weights + (1 + biased) * _BYTES_OF_A_SCALE * scales

    def clipped(self, kernel: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        """Returns a kernel within the range that the method chooses.

        Args:
            kernel: The numbers.
            axes: Its axes with a scale for each index.
        """
        if self.method == "min_max":
            return kernel
        found = choose_parameters(
            kernel, bits=self.bits, symmetric=True, axis=list(axes), method=self.method
        )
        high = found.high.numpy()
        return np.clip(kernel, -high, high).astype(kernel.dtype)

    def rounded(self, kernel: np.ndarray, axes: Sequence[int]) -> np.ndarray:
        """Returns the numbers that the file holds for a kernel."""
        if self.format == "float16":
            return kernel.astype(np.float16).astype(kernel.dtype)
        axes = axes if self.per_channel else ()
        return round_kernel(self.clipped(kernel, axes), self.bits, axes)


USUAL = BitChoice("int8")
CHOICES = (
    USUAL,
    BitChoice("int8", per_channel=False),
    BitChoice("int4"),
    BitChoice("int4", method="mse"),
    BitChoice("float16"),
)


def can_store(choice: BitChoice, kinds: Sequence[str]) -> bool:
    """Returns whether a file can hold the weights of operations of some kinds so.

    Args:
        choice: The way.
        kinds: TFLite names of operations, such as `"CONV_2D"`.
    """
    if choice.format != "int4":
        return True
    wanted = NumberFormat("int4", "int8")
    return all(wanted.for_kind(kind) == wanted for kind in kinds)
