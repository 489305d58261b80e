"""How many multiplications are left when those with zero weights are not done."""

import dataclasses

import numpy as np

from tfcompress.graph import Layer
from tfcompress.measurement.cost.multiply_adds import Call, count_multiply_adds
from tfcompress.measurement.cost.weights import is_kernel


def count_effective_multiply_adds(layer: Layer, call: Call) -> int:
    """Counts multiply-adds as `count_multiply_adds` does, without those of zeros.

    A zero in a kernel saves all the products that it is in: one for each output
    position of a convolution, one for each step of a recurrent layer. Products of two
    tensors, as in attention, all stay.

    Args:
        layer: The layer that is called.
        call: Its description, from `describe_call`.

    Returns:
        The number, 0 where the kind of the layer is not known.

    Example:
    ```python
    import numpy as np
    from tfcompress.graph import Layer, TensorSpec, Weight
    from tfcompress.measurement.cost.effective_multiply_adds import (
        count_effective_multiply_adds,
    )
    from tfcompress.measurement.cost.multiply_adds import describe_call

    layer = Layer("scores", "Dense", weights=(Weight("kernel", np.eye(4)),))
    given = (TensorSpec((1, 4), "float32"),)
    call = describe_call(layer, given, {}, [(1, 4)])
    count_effective_multiply_adds(layer, call)  # 4
    ```
    """
    total = count_multiply_adds(call) or 0
    kernels = [
        (place, weight.value)
        for place, weight in enumerate(layer.weights)
        if is_kernel(weight.path, weight.value)
    ]
    saved = 0
    for place, value in kernels:
        products = total if len(kernels) == 1 else total - _count_without(call, place)
        zeros = value.size - int(np.count_nonzero(value))
        saved += products * zeros // max(value.size, 1)
    return total - saved


def _count_without(call: Call, place: int) -> int:
    """Counts the products of a layer with all its kernels but one."""
    weights = list(call.weights)
    name, shape = weights[place]
    weights[place] = (name, (0, *shape[1:]))
    return count_multiply_adds(dataclasses.replace(call, weights=tuple(weights))) or 0
