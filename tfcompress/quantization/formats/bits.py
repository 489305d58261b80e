"""How many bits a whole number may have, and what it can then hold."""

from collections.abc import Sequence

import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.names import nearest

BITS = (2, 3, 4, 5, 6, 7, 8, 16)


def check_bits(bits: int, allowed: Sequence[int] = BITS) -> None:
    """Raises ArgumentError unless a number of bits is one of those allowed."""
    if isinstance(bits, bool) or not isinstance(bits, int) or bits not in allowed:
        raise ArgumentError(f"bits is one of {list(allowed)}. Received: bits={bits!r}")


def check_name(argument: str, name: str, names: Sequence[str]) -> None:
    """Raises ArgumentError, with the nearest names, unless a name is one of some."""
    if name not in names:
        raise ArgumentError(
            f"{argument} is one of {list(names)}; the nearest are "
            f"{nearest(str(name), names)}. Received: {argument}={name!r}"
        )


def integer_limits(bits: int, *, narrow_range: bool = False) -> tuple[int, int]:
    """Returns the least and the greatest whole number of two's complement.

    Args:
        bits: From 2 to 8, or 16.
        narrow_range: Whether the least number is left out, so that both signs reach
            equally far, as TFLite has it for weights. Defaults to False.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert formats.integer_limits(8) == (-128, 127)
    assert formats.integer_limits(8, narrow_range=True) == (-127, 127)
    ```
    """
    check_bits(bits)
    return -(2 ** (bits - 1)) + int(narrow_range), 2 ** (bits - 1) - 1


def integer_dtype(bits: int) -> tf.DType:
    """Returns the type that holds such numbers in a tensor: int8, or int16 for 16."""
    return tf.int8 if bits <= 8 else tf.int16
