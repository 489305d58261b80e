"""Stores clustered kernels in the whole numbers that they were trained as."""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from tfcompress.export.few_bits.file_kernels import FileKernel, find_kernels
from tfcompress.export.few_bits.weight_grid import INT8_STEPS


def share_scales(content: bytes, clustered: Sequence[np.ndarray]) -> bytes:
    """Gives the outputs of clustered kernels the scale that they were trained with.

    A clustered kernel is trained with one scale for all of it, so that a value is the
    same whole number wherever it stands. The converter gives each output a scale by its
    own largest weight, which turns one value into other numbers for other outputs. Here
    they are the trained ones again, and no number was rounded twice. Where a batch
    normalization was folded into the kernel, an output keeps the factor it brought, and
    a negative one turns the sign of its numbers.

    Args:
        content: The bytes of a full-integer `.tflite` file. It is not changed.
        clustered: The whole numbers of each clustered kernel, from -127 to 127, a row
            for each output, as `tfcompress.keras_compat.quantized_graph
            .clustered_steps` returns them.

    Returns:
        The bytes of the file, the same ones where no kernel of it is one of these.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.few_bits.shared_scales import share_scales

    content = share_scales(open("int8.tflite", "rb").read(), [np.eye(10, 64) * 127])
    ```
    """
    if not clustered:
        return content
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    shared = [_share(kernel, clustered) for kernel in find_kernels(file)]
    if not any(shared):
        return content
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def _share(kernel: FileKernel, clustered: Sequence[np.ndarray]) -> bool:
    """Stores one kernel as it was trained; returns whether it is one of these."""
    channels = kernel.channels.astype(np.int64)
    for trained in clustered:
        signs = _signs(channels, trained) if trained.shape == channels.shape else None
        if signs is None:
            continue
        greatest = np.abs(trained).max(axis=1)
        growth = np.where(greatest > 0, INT8_STEPS / np.maximum(greatest, 1), 1.0)
        kernel.store((signs[:, None] * trained).astype(np.int8), growth)
        return True
    return False


def _signs(channels: np.ndarray, trained: np.ndarray) -> np.ndarray | None:
    """Returns whether each output is as trained, 1, or turned, -1.

    None where the numbers are not those that the converter makes of the trained ones:
    the largest of each output at the end of the grid, all within one step.
    """
    greatest = np.maximum(np.abs(trained).max(axis=1, keepdims=True), 1)
    expected = trained * (INT8_STEPS / greatest)
    for_signs = [np.abs(channels - sign * expected).max(axis=1) for sign in (1, -1)]
    if np.minimum(*for_signs).max(initial=0.0) > 1:
        return None
    return np.where(for_signs[0] <= for_signs[1], 1, -1)
