"""Whether the positions of a sparse constant lie within its shape."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema


def check_sparsity(tensor: Any) -> int:
    """Raises an error unless each number of a sparse constant has a place in it.

    LiteRT does not check it, and writes beyond its memory where one has none.

    Args:
        tensor: A `TensorT` of LiteRT's schema, with `sparsity`. The format is that of
            https://www.tensorflow.org/mlir/tfl_ops: axes in the order in which they are
            gone through, those of blocks last, each dense or compressed.

    Returns:
        How many numbers it stores.

    Raises:
        ValueError: If positions and shape do not fit together.
    """
    sparsity = tensor.sparsity
    order, blocks = (
        [] if axes is None else [int(axis) for axis in axes]
        for axes in (sparsity.traversalOrder, sparsity.blockMap)
    )
    shape = [int(size) for size in tensor.shape]
    if sorted(order) != list(range(len(shape) + len(blocks))):
        raise ValueError(f"order {order} of the axes of a sparse constant")
    if len(sparsity.dimMetadata) != len(order) or not set(blocks) <= {*order}:
        raise ValueError("axes of a sparse constant")
    metadata = dict(zip(order, sparsity.dimMetadata, strict=True))
    sizes = [metadata[len(shape) + number].denseSize for number in range(len(blocks))]
    for axis, size in zip(blocks, sizes, strict=True):
        if size < 1 or axis >= len(shape) or shape[axis] % size:
            raise ValueError(f"blocks of {size} in a sparse constant")
        shape[axis] //= size
    stored = 1
    for axis in order:
        stored = _count(metadata[axis], [*shape, *sizes][axis], stored)
    return stored


def _count(axis: Any, size: int, rows: int) -> int:
    """Returns how many numbers are stored after one more axis."""
    if axis.format == schema.DimensionType.DENSE:
        if axis.denseSize != size:
            raise ValueError(f"size {axis.denseSize} of an axis of {size}")
        return rows * size
    starts, places = (
        np.asarray(vector.values, np.int64)
        for vector in (axis.arraySegments, axis.arrayIndices)
    )
    whole = len(starts) == rows + 1 and starts[0] == 0 and starts[-1] == len(places)
    if not whole or np.any(np.diff(starts) < 0):
        raise ValueError("segments of a sparse constant")
    if len(places) and (places.min() < 0 or places.max() >= size):
        raise ValueError(f"positions of a sparse constant beyond {size}")
    return len(places)
