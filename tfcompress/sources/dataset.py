"""Data in three parts, ready for a model."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Data in three parts, ready for a model.

    Each part is a tuple `(x, y)` of arrays, where `x` is a dict of arrays for a model
    of several inputs, or a `tf.data.Dataset` of batches.

    Attributes:
        name: What it is called in reports.
        train: To train on.
        validation: For the figures after each epoch and for choices.
        test: For the final figures alone, or None where the source holds none.
        class_names: Names of the classes in the order of their numbers, where they are
            known.
        vocabulary: Words in the order of their numbers, where text became numbers. The
            first two are the padding and the word for all others.
        notes: What a user should know of how the data was read, one entry each.

    Example:
    ```python
    import numpy as np

    x, y = np.zeros((8, 4), np.float32), np.arange(8) % 2
    data = tfc.sources.Dataset("mine", train=(x, y), validation=(x, y))
    ```
    """

    name: str
    train: Any
    validation: Any
    test: Any = None
    class_names: tuple[str, ...] | None = None
    vocabulary: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
