"""An input or output of a `.tflite` file, and the step between real and stored."""

import dataclasses
from typing import Any

import numpy as np

from tfcompress.errors import DataError


@dataclasses.dataclass(frozen=True)
class TensorDetails:
    """Describes an input or output of a `.tflite` file.

    A quantized tensor stores `q` for the real number `(q - zero_point) * scale`.

    Attributes:
        name: Name in the file's signature.
        index: Number of the tensor in the file.
        shape: Sizes of the axes, None where any size is allowed. The first axis is
            the batch.
        dtype: The NumPy dtype that the file stores.
        scale: Real size of one step of a quantized tensor, 0 if it is not quantized.
        zero_point: The stored number that means 0.

    Example:
    ```python
    import numpy as np

    details = TensorDetails("image", 0, (1, 2), np.dtype(np.int8), 0.5, -10)
    details.quantize(np.array([[0.0, 1.5]]))  # array([[-10, -7]], dtype=int8)
    ```
    """

    name: str
    index: int
    shape: tuple[int | None, ...]
    dtype: np.dtype
    scale: float = 0.0
    zero_point: int = 0

    @property
    def quantized(self) -> bool:
        """Whether stored whole numbers stand for real numbers."""
        return self.scale > 0.0

    def quantize(self, values: Any) -> np.ndarray:
        """Turns real numbers into what the file stores.

        A quantized tensor gets `round(values / scale) + zero_point`, halves rounded
        to the even number and the result clipped to the dtype. This is what the
        XNNPACK kernels do, which run by default; the reference kernels of LiteRT
        round halves away from zero. Whole-number arrays are real numbers too: pixel
        200 is 200.0. A tensor that is not quantized gets the values in its dtype.

        Args:
            values: An array of numbers, of any shape.

        Returns:
            An array of the same shape and of dtype `self.dtype`.

        Raises:
            DataError: If the values are no numbers, or if the file takes whole
                numbers and these are not, or if they do not fit in its dtype.
        """
        array = np.asarray(values)
        if array.dtype == self.dtype and not self.quantized:
            return array
        if array.dtype.kind not in "fiub":
            raise DataError(
                f"Input '{self.name}' takes numbers of dtype {self.dtype}. "
                f"Received: an array of dtype {array.dtype}"
            )
        if self.quantized:
            with np.errstate(over="ignore"):  # what is too large is clipped
                return self._clip(np.rint(array.astype(np.float32) / self._step()))
        if self.dtype.kind in "iu":
            self._check_whole(array)
        with np.errstate(over="ignore"):
            stored = array.astype(self.dtype)
        if self.dtype.kind == "f" and np.any(np.isinf(stored) & np.isfinite(array)):
            limits = np.finfo(self.dtype)
            raise DataError(
                f"Input '{self.name}' takes numbers of dtype {self.dtype}, from "
                f"{limits.min} to {limits.max}. "
                f"Received: numbers from {array.min()} to {array.max()}"
            )
        return stored

    def dequantize(self, stored: np.ndarray) -> np.ndarray:
        """Turns what the file stores into real numbers.

        Args:
            stored: An array of dtype `self.dtype`, of any shape.

        Returns:
            `(stored - zero_point) * scale` in float32 if the tensor is quantized, the
            array itself if not.
        """
        if not self.quantized:
            return stored
        return (stored.astype(np.float32) - self.zero_point) * self._step()

    def _step(self) -> np.float32:
        return np.float32(self.scale)

    def _clip(self, steps: np.ndarray) -> np.ndarray:
        limits = np.iinfo(self.dtype)
        shifted = steps + self.zero_point
        return np.clip(shifted, limits.min, limits.max).astype(self.dtype)

    def _check_whole(self, array: np.ndarray) -> None:
        if array.dtype.kind == "f" and not np.array_equal(np.rint(array), array):
            raise DataError(
                f"Input '{self.name}' takes whole numbers of dtype {self.dtype}; round "
                "them, or check that the inputs are in the model's order. "
                f"Received: {array[np.rint(array) != array].flat[0]}"
            )
        limits = np.iinfo(self.dtype)
        if array.size and (array.min() < limits.min or array.max() > limits.max):
            raise DataError(
                f"Input '{self.name}' takes whole numbers from {limits.min} to "
                f"{limits.max}. Received: numbers from {array.min()} to {array.max()}"
            )
