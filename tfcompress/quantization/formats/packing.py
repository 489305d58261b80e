"""Whole numbers of few bits in as few bytes as they need."""

from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.quantization.formats.bits import (
    check_bits,
    integer_dtype,
    integer_limits,
)


def pack_bits(integers: Any, bits: int) -> np.ndarray:
    """Packs whole numbers without a gap between them.

    The first number takes the lowest bits of the first byte, as two int4 in a byte of
    TFLite; a number may go on in the next byte. Numbers are in two's complement.

    Args:
        integers: An array or tensor of whole numbers that fit, of any shape.
        bits: From 2 to 8, or 16.

    Returns:
        A uint8 array of rank 1 with ⌈numbers · bits / 8⌉ bytes, the last filled up
        with zeros.

    Raises:
        ArgumentError: If `bits` is none of these.
        DataError: If a number does not fit.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert list(formats.pack_bits([1, -1, 2], bits=4)) == [0xF1, 0x02]
    ```
    """
    least, greatest = integer_limits(bits)
    array = np.asarray(integers).ravel()
    if array.dtype.kind not in "iu":
        raise DataError(f"Integers are packed. Received: dtype={array.dtype}")
    if array.size and not least <= array.min() <= array.max() <= greatest:
        raise DataError(
            f"Numbers of {bits} bits go from {least} to {greatest}. "
            f"Received: numbers from {array.min()} to {array.max()}"
        )
    words = array.astype("<i2").view(np.uint8).reshape(-1, 2)
    places = np.unpackbits(words, axis=1, bitorder="little")[:, :bits]
    return np.packbits(places, bitorder="little")


def unpack_bits(packed: Any, bits: int, shape: int | tuple[int, ...]) -> np.ndarray:
    """Undoes `pack_bits`.

    Args:
        packed: A uint8 array of rank 1.
        bits: From 2 to 8, or 16.
        shape: The shape of the numbers, or how many there are.

    Returns:
        An int8 array, int16 for 16 bits.

    Raises:
        ArgumentError: If `bits` is none of these.
        DataError: If there are not as many bytes as such numbers take.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    packed = np.array([0xF1, 0x02], np.uint8)
    assert list(formats.unpack_bits(packed, bits=4, shape=3)) == [1, -1, 2]
    ```
    """
    check_bits(bits)
    packed = np.asarray(packed)
    count = int(np.prod(shape, dtype=np.int64))
    if packed.dtype != np.uint8 or packed.shape != (-(-count * bits // 8),):
        raise DataError(
            f"{count} numbers of {bits} bits take {-(-count * bits // 8)} bytes in a "
            f"uint8 array. Received: shape={packed.shape}, dtype={packed.dtype}"
        )
    flat = np.unpackbits(packed, count=count * bits, bitorder="little")
    places = flat.reshape(count, bits)
    # The highest bit is the sign; it fills the bits above.
    signs = np.repeat(places[:, -1:], 16 - bits, axis=1)
    whole = np.concatenate([places, signs], axis=1)
    words = np.packbits(whole, axis=1, bitorder="little").view("<i2")
    return words.reshape(shape).astype(integer_dtype(bits).as_numpy_dtype)
