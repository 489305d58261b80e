"""Labels of several outputs, by the names that their files know."""

from collections.abc import Iterator
from typing import Any

from tfcompress.data import Batch, batches, first
from tfcompress.pipeline.fitting.losses import names_of_outputs


def name_labels(model: Any, data: Any) -> Any:
    """Returns data whose labels can be told apart by the files of a model too.

    A Keras model takes labels of several outputs as a list, in the order of these. A
    file has no such order, but names.

    Args:
        model: A built functional or Sequential model of either Keras.
        data: Inputs and labels, in a form that `tfcompress.data.batches` accepts.

    Returns:
        The data itself, or where labels are a list, what reads it with a dict of
        labels, and of sample weights, by the names of the outputs.

    Example:
    ```python
    from tfcompress.pipeline.named_labels import name_labels

    assert name_labels(model, (x, y)) == (x, y)
    ```
    """
    names = names_of_outputs(model)
    if len(names) == 1 or not isinstance(first(data).y, list):
        return data

    def name(parts: Any) -> Any:
        return (
            dict(zip(names, parts, strict=True)) if isinstance(parts, list) else parts
        )

    def read() -> Iterator[Batch]:
        for x, y, weights in batches(data):
            yield Batch(x, name(y), name(weights))

    return read
