"""What a teacher says of a sample, as one record of a NumPy array."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfcompress.errors import ArgumentError, ModelError

# Of its largest number: by more than this neither storage nor another batch around a
# sample changes what a teacher says of it.
TOLERANCE = 2.0**-6


class TopLogits(NamedTuple):
    """The largest logits of each row, and what the rest of them comes to.

    Attributes:
        values: Array of shape `(..., k)`, the largest first.
        indices: int32 array of shape `(..., k)`: their classes.
        rest: Array of shape `(...)`: the log-sum-exp of the other logits.
    """

    values: Any
    indices: Any
    rest: Any


def keep_top(logits: Any, k: int) -> TopLogits:
    """Returns the k largest logits and the log-sum-exp of the rest.

    Logits, not probabilities, so that they serve every temperature.

    Args:
        logits: Float array of shape `(..., classes)`.
        k: How many to keep, fewer than there are classes.

    Example:
    ```python
    keep_top(np.array([[1.0, 3.0, 2.0]]), 1)  # 3 of class 1, the rest log(e + e²)
    ```
    """
    order = np.argsort(-logits, axis=-1, kind="stable")
    ordered = np.take_along_axis(logits, order, axis=-1)
    rest = np.logaddexp.reduce(ordered[..., k:], axis=-1)
    return TopLogits(ordered[..., :k], order[..., :k].astype(np.int32), rest)


def spread_rest(top: TopLogits, classes: int) -> Any:
    """Returns dense logits: those kept, and the rest spread evenly over the others.

    The probabilities of the classes that were kept are those of all logits.

    Args:
        top: What `keep_top` returned.
        classes: Number of classes.

    Returns:
        float32 array of shape `(..., classes)`.
    """
    k = top.values.shape[-1]
    even = top.rest.astype(np.float32) - np.float32(np.log(classes - k))
    dense = np.repeat(even[..., np.newaxis], classes, axis=-1)
    np.put_along_axis(dense, top.indices, top.values.astype(np.float32), axis=-1)
    return dense


class TargetRecords:
    """Turns the tensors that a teacher gives of a batch into records, and back.

    Args:
        shapes: Shape of each tensor, without the batch.
        logits: How many of them, from the first, are logits; the rest are features.
        dtype: `"float16"` or `"float32"`.
        top_k: How many logits of a row to keep, where it has more; None for all.

    Raises:
        ArgumentError: If no row of logits has more than `top_k`.
    """

    def __init__(
        self,
        shapes: Sequence[Sequence[int]],
        *,
        logits: int,
        dtype: str,
        top_k: int | None,
    ):
        self.shapes = [tuple(shape) for shape in shapes]
        self.number_dtype = dtype
        self.top_k = top_k
        self.is_sparse = [
            top_k is not None and i < logits and bool(shape) and shape[-1] > top_k
            for i, shape in enumerate(self.shapes)
        ]
        if top_k is not None and not any(self.is_sparse):
            raise ArgumentError(
                "top_k must be less than the number of classes; to keep all logits "
                f"leave it out. Received: top_k={top_k}, of logits of shapes "
                f"{self.shapes[:logits]}"
            )
        fields: list[Any] = []
        for i, shape in enumerate(self.shapes):
            if self.is_sparse[i]:
                fields.append((f"values_{i}", dtype, (*shape[:-1], top_k)))
                fields.append((f"indices_{i}", "int32", (*shape[:-1], top_k)))
                fields.append((f"rest_{i}", "float32", shape[:-1]))
            else:
                fields.append((f"values_{i}", dtype, shape))
        self.dtype = np.dtype(fields)

    def encode(self, tensors: Sequence[Any]) -> Any:
        """Returns the records of a batch.

        Args:
            tensors: float32 arrays of shape `(batch, ...)`.

        Raises:
            ModelError: If a number is NaN or infinite.
            ArgumentError: If one does not fit into the dtype.
        """
        records = np.zeros(len(tensors[0]), self.dtype)
        for i, tensor in enumerate(tensors):
            if not np.isfinite(tensor).all():
                raise ModelError(
                    "The teacher must give finite numbers. Received: "
                    f"{int((~np.isfinite(tensor)).sum())} that are NaN or infinite"
                )
            if np.abs(tensor).max(initial=0) > np.finfo(self.number_dtype).max:
                raise ArgumentError(
                    f"The teacher gives numbers beyond {self.number_dtype}; cache it "
                    f"with dtype='float32'. Received: dtype={self.number_dtype!r}, "
                    f"numbers up to {np.abs(tensor).max():.3g}"
                )
            if self.is_sparse[i]:
                top = keep_top(tensor, self.top_k or 0)
                records[f"values_{i}"] = top.values
                records[f"indices_{i}"] = top.indices
                records[f"rest_{i}"] = top.rest
            else:
                records[f"values_{i}"] = tensor
        return records

    def fields(self, i: int) -> tuple[str, ...]:
        """Returns the names of the fields that hold a tensor."""
        if self.is_sparse[i]:
            return (f"values_{i}", f"indices_{i}", f"rest_{i}")
        return (f"values_{i}",)

    def decode(self, i: int, columns: Sequence[Any]) -> Any:
        """Returns a tensor of a batch as a float32 array, from its `fields`."""
        if self.is_sparse[i]:
            return spread_rest(TopLogits(*columns), self.shapes[i][-1])
        return columns[0].astype(np.float32)

    def agree(self, first: Any, second: Any) -> bool:
        """Returns whether records are the same but for rounding.

        Which classes are kept does not count, for equal logits may change places.
        """
        for name in self.dtype.names or ():
            if name.startswith("indices"):
                continue
            a, b = first[name].astype(np.float32), second[name].astype(np.float32)
            inner = tuple(range(1, a.ndim))
            largest = np.abs(b).max(axis=inner, keepdims=True, initial=1e-3)
            if (np.abs(a - b) > TOLERANCE * largest).any():
                return False
        return True
