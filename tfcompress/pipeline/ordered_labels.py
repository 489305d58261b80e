"""Labels that are named by outputs, in the order of these."""

from typing import Any

from tfcompress.data import is_dataset
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
        outputs and the model gives a list, arrays and a `tf.data.Dataset` with tuples.

    Example:
    ```python
    from tfcompress.pipeline.ordered_labels import order_labels

    assert order_labels(model, (x, y)) == (x, y)
    ```
    """
    names = names_of_outputs(model)
    if isinstance(symbolic_outputs(model), dict):
        return data

    def order(part: Any) -> Any:
        if not isinstance(part, dict) or set(part) != set(names):
            return part
        ordered = tuple(part[name] for name in names)
        return ordered if len(ordered) > 1 else ordered[0]

    if isinstance(data, tuple):
        return (data[0], *map(order, data[1:]))
    parts = data.element_spec if is_dataset(data) else None
    if isinstance(parts, tuple) and any(isinstance(part, dict) for part in parts[1:]):
        return data.map(lambda x, *rest: (x, *map(order, rest)))
    return data
