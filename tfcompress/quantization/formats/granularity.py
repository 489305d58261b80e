"""Which values share a scale."""

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Granularity:
    """Says which values of a tensor share a scale.

    - `Granularity()`: all, which is per tensor.
    - `Granularity(axis=-1)`: those with the same index on an axis, or on several:
      per channel, also called vector-wise.
    - `Granularity(axis=0, group_size=32)`: every 32 that follow one another along the
      axis, for each index of the other axes by itself: per group, or block-wise.

    Attributes:
        axis: An axis, several, or None.
        group_size: How many values along the axis share a scale. It divides the size
            of the axis; there is no shorter group at the end.
    """

    axis: int | Sequence[int] | None = None
    group_size: int | None = None

    def __post_init__(self) -> None:
        if self.axis is not None and not _is_whole(self.axis):
            try:
                axes = tuple(operator.index(axis) for axis in self.axis)  # type: ignore[union-attr]
            except TypeError as error:
                raise ArgumentError(
                    "axis is a whole number, several of them, or None. "
                    f"Received: axis={self.axis!r}"
                ) from error
            object.__setattr__(self, "axis", axes)
        if self.group_size is None:
            return
        if not _is_whole(self.group_size) or self.group_size < 1:
            raise ArgumentError(
                "group_size is a whole number from 1 on, or None. "
                f"Received: group_size={self.group_size!r}"
            )
        if not _is_whole(self.axis):
            raise ArgumentError(
                "Groups lie along one axis; name it. "
                f"Received: axis={self.axis!r}, group_size={self.group_size}"
            )

    def split(self, x: tf.Tensor) -> tf.Tensor:
        """Returns a tensor with its groups on an axis of their own, if there are any.

        Raises:
            ArgumentError: If the tensor has no such axis, or the group size does not
                divide it.
        """
        axes = self._axes(x.shape)
        if self.group_size is None:
            return x
        (axis,) = axes
        size = x.shape[axis]
        if size is None or size % self.group_size:
            raise ArgumentError(
                f"group_size divides the size of axis {axis}, which is {size}; pad the "
                f"tensor or take another. Received: group_size={self.group_size}"
            )
        shape = tf.shape(x)
        groups = [size // self.group_size, self.group_size]
        return tf.reshape(x, tf.concat([shape[:axis], groups, shape[axis + 1 :]], 0))

    def merge(self, x: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
        """Undoes `split`.

        Args:
            x: What `split` returned, or a tensor of its shape.
            like: What `split` was given.
        """
        return tf.reshape(x, tf.shape(like)) if self.group_size is not None else x

    def shared_axes(self, x: tf.Tensor) -> list[int]:
        """Returns the axes along which values share a scale, once groups are split.

        Args:
            x: The tensor before `split`.
        """
        axes = self._axes(x.shape)
        if self.group_size is not None:
            return [axes[0] + 1]
        return [axis for axis in range(x.shape.rank) if axis not in axes]

    def to_rows(self, x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
        """Returns an array in which every row holds the values that share a scale.

        Args:
            x: An array.

        Returns:
            An array of rank 2, and the shape into which one value for each row is
            brought, so that it broadcasts with what `split` returns.
        """
        tensor = tf.convert_to_tensor(x)
        shared = self.shared_axes(tensor)
        array = self.split(tensor).numpy()
        kept = [axis for axis in range(array.ndim) if axis not in shared]
        rows = int(np.prod([array.shape[axis] for axis in kept], dtype=np.int64))
        shape = tuple(1 if a in shared else n for a, n in enumerate(array.shape))
        if not kept:
            shape = ()
        return array.transpose([*kept, *shared]).reshape(rows, -1), shape

    def _axes(self, shape: tf.TensorShape) -> tuple[int, ...]:
        if self.axis is None:
            return ()
        axes = (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)
        if not all(-shape.rank <= axis < shape.rank for axis in axes):
            raise ArgumentError(
                f"A tensor of shape {tuple(shape)} has the axes 0 to {shape.rank - 1}, "
                f"or -1 to {-shape.rank} from the end. Received: axis={self.axis}"
            )
        return tuple(axis % shape.rank for axis in axes)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
