"""Kernels of every kind of layer in one form."""

import numpy as np

from tfcompress.graph.graph import Layer

_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")

# Layers whose kernel has the form of a convolution in groups.
GROUPED_KERNELS = frozenset(["Dense", *_CONVOLUTIONS, *_TRANSPOSED, *_DEPTHWISE])


def is_stock(layer: Layer) -> bool:
    """Returns whether a layer is of Keras itself, or made by a pass."""
    return layer.type is None or layer.type.__module__.startswith(
        ("keras.", "tf_keras.", "tfcompress.keras_compat.")
    )


def has_grouped_kernel(layer: Layer) -> bool:
    """Returns whether a layer is a built stock layer of one of these kinds."""
    has_kernel = any(weight.path == "kernel" for weight in layer.weights)
    return has_kernel and layer.kind in GROUPED_KERNELS and is_stock(layer)


def read_grouped(layer: Layer) -> np.ndarray:
    """Returns the kernel of a layer as that of a convolution in groups.

    Input channel `g * inputs + i` and output channel `g * outputs + o` belong to group
    `g`. A Dense layer is a convolution of one position and one group, a depthwise one
    has a group for each channel.

    Args:
        layer: A layer of one of the kinds in `GROUPED_KERNELS`.

    Returns:
        An array of shape `(positions, inputs, groups, outputs)`: positions of the
        window, inputs and outputs of each group.

    Example:
    ```python
    import numpy as np
    from tfcompress.graph import Layer, Weight
    from tfcompress.graph.grouped_kernel import read_grouped

    kernel = Weight("kernel", np.ones((3, 3, 8, 2)))
    layer = Layer("depthwise", "DepthwiseConv2D", weights=(kernel,))
    assert read_grouped(layer).shape == (9, 1, 8, 2)
    ```
    """
    kernel = layer.weight("kernel")
    if layer.kind in _DEPTHWISE:
        return kernel.reshape(-1, 1, *kernel.shape[-2:])
    if layer.kind in _TRANSPOSED:
        kernel = np.swapaxes(kernel, -1, -2)
    groups = layer.config.get("groups", 1) if layer.kind in _CONVOLUTIONS else 1
    inputs, outputs = kernel.shape[-2:]
    return kernel.reshape(-1, inputs, groups, outputs // groups)


def write_grouped(layer: Layer, values: np.ndarray) -> Layer:
    """Returns a layer with another kernel, given in the form of `read_grouped`.

    Args:
        layer: The layer.
        values: An array of shape `(positions, inputs, groups, outputs)`.

    Example:
    ```python
    import numpy as np
    from tfcompress.graph import Layer, Weight
    from tfcompress.graph.grouped_kernel import read_grouped, write_grouped

    layer = Layer("scores", "Dense", weights=(Weight("kernel", np.ones((3, 2))),))
    doubled = write_grouped(layer, 2.0 * read_grouped(layer))
    ```
    """
    kernel = layer.weight("kernel")
    if layer.kind in _TRANSPOSED:
        *positions, outputs, inputs = kernel.shape
        swapped = values.reshape(*positions, inputs, outputs)
        values = np.swapaxes(swapped, -1, -2)
    values = values.reshape(kernel.shape).astype(kernel.dtype)
    return layer.with_weights({"kernel": values})
