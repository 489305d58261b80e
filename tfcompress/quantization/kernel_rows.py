"""A layer with a kernel as a product of matrices."""

from collections.abc import Sequence

import numpy as np

from tfcompress.graph import Layer
from tfcompress.graph.grouped_kernel import read_grouped, write_grouped

# Layers whose outputs are products of rows of their input with their kernel.
KINDS = frozenset(
    [
        *("Conv1D", "Conv2D", "Conv3D", "Dense"),
        *("DepthwiseConv1D", "DepthwiseConv2D"),
    ]
)


def kernel_matrix(layer: Layer) -> np.ndarray:
    """Returns the kernel of a layer as a matrix for each group of channels.

    Args:
        layer: A layer of one of the kinds in `KINDS`.

    Returns:
        An array of shape `(groups, length, outputs)`: the product with the rows of
        `sample_rows` is what the layer makes, before bias and activation.
    """
    positions, inputs, groups, outputs = read_grouped(layer).shape
    moved = np.moveaxis(read_grouped(layer), 2, 0)
    return moved.reshape(groups, positions * inputs, outputs)


def write_matrix(layer: Layer, matrix: np.ndarray) -> Layer:
    """Returns a layer with another kernel, given in the form of `kernel_matrix`."""
    positions, inputs, groups, outputs = read_grouped(layer).shape
    moved = matrix.reshape(groups, positions, inputs, outputs)
    return write_grouped(layer, np.moveaxis(moved, 0, 2))


def count_rows(layer: Layer, shape: Sequence[int]) -> int:
    """Returns how many rows an input of this shape has: the places it is looked at."""
    return int(np.prod([shape[0], *_output_sizes(layer, shape)]))


def sample_rows(layer: Layer, x: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Returns what a layer looks at for some of its outputs.

    Args:
        layer: A layer of one of the kinds in `KINDS`.
        x: What the layer takes in, of shape `(samples, ..., channels)`.
        chosen: Which rows, numbers below `count_rows`: samples and places of the
            output, counted in the order of NumPy.

    Returns:
        An array of shape `(len(chosen), groups, length)`.
    """
    _, inputs, groups, _ = read_grouped(layer).shape
    sizes = _output_sizes(layer, x.shape)
    sample, *places = np.unravel_index(chosen, (x.shape[0], *sizes))
    if layer.kind == "Dense":
        taken = x[(sample, *places)][:, np.newaxis]
    else:
        padded = np.pad(x, [(0, 0), *_padding(layer, x.shape), (0, 0)])
        windows = _windows(layer)
        taps = np.indices([size for size, _, _ in windows]).reshape(len(windows), -1)
        index = [
            place[:, np.newaxis] * stride + tap * dilation
            for place, tap, (_, stride, dilation) in zip(
                places, taps, windows, strict=True
            )
        ]
        taken = padded[(sample[:, np.newaxis], *index)]
    grouped = taken.reshape(len(chosen), -1, groups, inputs)
    return np.moveaxis(grouped, 2, 1).reshape(len(chosen), groups, -1)


def _windows(layer: Layer) -> list[tuple[int, int, int]]:
    """Returns size, stride and dilation of the window along each axis."""
    rank = layer.weight("kernel").ndim - 2
    sizes = layer.weight("kernel").shape[:rank]
    strides, dilations = (
        [value] * rank if isinstance(value, int) else list(value)
        for value in (layer.config[key] for key in ("strides", "dilation_rate"))
    )
    return list(zip(sizes, strides, dilations, strict=True))


def _output_sizes(layer: Layer, shape: Sequence[int]) -> list[int]:
    """Returns the size of each axis of the output between samples and channels."""
    if layer.kind == "Dense":
        return list(shape[1:-1])
    return [
        (length + before + after - (size - 1) * dilation - 1) // stride + 1
        for length, (before, after), (size, stride, dilation) in zip(
            shape[1:-1], _padding(layer, shape), _windows(layer), strict=True
        )
    ]


def _padding(layer: Layer, shape: Sequence[int]) -> list[tuple[int, int]]:
    """Returns how many zeros are put before and behind each axis."""
    pairs = []
    for length, (size, stride, dilation) in zip(
        shape[1:-1], _windows(layer), strict=True
    ):
        reach = (size - 1) * dilation
        if layer.config["padding"] == "causal":
            pairs.append((reach, 0))
        elif layer.config["padding"] == "same":
            total = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0)
            pairs.append((total // 2, total - total // 2))
        else:
            pairs.append((0, 0))
    return pairs
