"""Labels that are named by outputs, in the order of these."""

from collections.abc import Callable, Sized
from typing import Any

from tfcompress.data import batches, first, is_dataset, is_whole
from tfcompress.distillation.tapped_model import symbolic_outputs
from tfcompress.pipeline.fitting.losses import names_of_outputs


def order_labels(model: Any, data: Any) -> Any:
    """Returns data whose labels every stage can train on.

    A stage makes a new model of the user's, whose outputs have other names but stand in
    the same order.

    Args:
        model: A built functional or Sequential model of either Keras.
        data: Inputs and labels, in a form that `tfcompress.data.batches` accepts.

    Returns:
        The data itself; where labels, or sample weights, are a dict by the names of the
        outputs and the model gives a list, data of the same form with tuples.

    Example:
    ```python
    from tfcompress.pipeline.ordered_labels import order_labels

    assert order_labels(model, (x, y)) == (x, y)
    ```
    """
    names = names_of_outputs(model)
    if data is None or isinstance(symbolic_outputs(model), dict):
        return data

    def is_named(part: Any) -> bool:
        return isinstance(part, dict) and set(part) == set(names)

    def order(part: Any) -> Any:
        if not is_named(part):
            return part
        ordered = tuple(part[name] for name in names)
        return ordered if len(ordered) > 1 else ordered[0]

    def order_element(element: Any) -> Any:
        if not isinstance(element, tuple):
            return element
        return (element[0], *map(order, element[1:]))

    if is_whole(data):
        return order_element(data)
    parts = data.element_spec if is_dataset(data) else first(data)
    if not isinstance(parts, tuple) or not any(map(is_named, parts[1:])):
        return data
    if is_dataset(data):
        return data.map(lambda *element: order_element(element))
    if isinstance(data, Sized) and hasattr(data, "__getitem__"):
        return _OrderedBatches(data, order_element)
    return lambda: map(order_element, batches(data))


class _OrderedBatches:
    """A `PyDataset`, whose batches have numbers, with its labels in order."""

    def __init__(self, data: Any, order: Callable[[Any], Any]):
        self._data = data
        self._order = order

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        return self._order(self._data[index])

    def on_epoch_end(self) -> None:
        """Tells the data, which may draw its batches anew."""
        getattr(self._data, "on_epoch_end", lambda: None)()
