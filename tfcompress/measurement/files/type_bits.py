"""How many bits a number of a type takes."""

import numpy as np

# Types that NumPy has no name for. Texts and tables have no size of their own.
_BITS = {
    **{"string": 0, "resource": 0, "variant": 0},
    **{"bfloat16": 16, "float8_e4m3fn": 8, "float8_e5m2": 8},
    **{"int4": 4, "uint4": 4, "int2": 2},
}


def type_bits(name: str) -> int:
    """Returns the bits of one number, as files store it.

    Args:
        name: Name of the type, as `type_name` returns it.

    Returns:
        The bits; 0 for a type whose values have no size of their own, such as texts.

    Raises:
        TypeError: If there is no such type.

    Example:
    ```python
    from tfcompress.measurement.files.type_bits import type_bits

    type_bits("int4")  # 4
    ```
    """
    return _BITS[name] if name in _BITS else 8 * np.dtype(name).itemsize
