"""The grid that a file rounds a kernel to: symmetric, a scale for each output."""

from collections.abc import Sequence

import numpy as np

from tfcompress.errors import ArgumentError

FEWEST_BITS, MOST_BITS = 2, 8

# The axes of the kernel that count the outputs, for each kind of layer.
_AXES = {
    **{f"Conv{axes}D": (-1,) for axes in (1, 2, 3)},
    **{f"Conv{axes}DTranspose": (-2,) for axes in (1, 2, 3)},
    **{f"DepthwiseConv{axes}D": (-2, -1) for axes in (1, 2)},
    "Dense": (-1,),
}


def output_axes(kind: str, rank: int) -> tuple[int, ...]:
    """Returns the axes of a kernel along which a file has a scale of its own.

    Args:
        kind: The layer as `tfcompress.graph.Layer` calls it, such as `"Conv2D"`.
        rank: Number of axes of its kernel.

    Returns:
        The axes, counted from 0. None at all, so one scale for the whole weight, for
        Embedding and recurrent layers, and for EinsumDense with a kernel of more than
        two axes, whose equation says which of them are outputs.

    Example:
    ```python
    from tfcompress.quantization.kernel_grid import output_axes

    assert output_axes("Conv2D", 4) == (3,)
    assert output_axes("DepthwiseConv2D", 4) == (2, 3)
    ```
    """
    axes = (-1,) if kind == "EinsumDense" and rank == 2 else _AXES.get(kind, ())
    return tuple(axis % rank for axis in axes)


def grid_scale(kernel: np.ndarray, bits: int, axes: Sequence[int]) -> np.ndarray:
    """Returns the distance between the values that a kernel can have.

    It is `max|w| / (2**(bits - 1) - 1)`, the greatest value at the end of the grid, and
    1 where there are only zeros.

    Args:
        kernel: The numbers.
        bits: From 2 to 8.
        axes: The axes with a scale for each index, as `output_axes` gives them.

    Returns:
        The scales in float64, of the kernel's rank, 1 on all other axes.

    Raises:
        ArgumentError: If `bits` is not a whole number from 2 to 8.

    Example:
    ```python
    import numpy as np
    from tfcompress.quantization.kernel_grid import grid_scale

    kernel = np.array([[1.0, -14.0], [7.0, 3.5]])
    assert grid_scale(kernel, 4, axes=(1,)).tolist() == [[1.0, 2.0]]
    ```
    """
    levels = 2 ** (check_bits(bits) - 1) - 1
    kept = {axis % kernel.ndim for axis in axes}
    others = tuple(axis for axis in range(kernel.ndim) if axis not in kept)
    greatest = np.abs(kernel).max(axis=others, keepdims=True, initial=0.0)
    scale = greatest.astype(np.float64) / levels
    return np.where(scale == 0.0, 1.0, scale)


def round_kernel(kernel: np.ndarray, bits: int, axes: Sequence[int]) -> np.ndarray:
    """Returns a kernel with each number at the nearest value of its grid.

    Args:
        kernel: The numbers.
        bits: From 2 to 8.
        axes: The axes with a scale for each index, as `output_axes` gives them.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ArgumentError: If `bits` is not a whole number from 2 to 8.

    Example:
    ```python
    import numpy as np
    from tfcompress.quantization.kernel_grid import round_kernel

    kernel = np.array([[1.2], [7.0]])
    assert round_kernel(kernel, 4, axes=(1,)).tolist() == [[1.0], [7.0]]
    ```
    """
    scale = grid_scale(kernel, bits, axes)
    return (np.rint(kernel / scale) * scale).astype(kernel.dtype)


def check_bits(bits: int, name: str = "bits") -> int:
    """Returns a number of bits that a kernel can be rounded to.

    Args:
        bits: The number.
        name: What the message calls it.

    Raises:
        ArgumentError: If it is not a whole number from 2 to 8.
    """
    whole = isinstance(bits, int | np.integer) and not isinstance(bits, bool)
    if not whole or not FEWEST_BITS <= bits <= MOST_BITS:
        raise ArgumentError(
            f"{name} must be a whole number from {FEWEST_BITS} to {MOST_BITS}. "
            f"Received: {name}={bits!r}"
        )
    return int(bits)
