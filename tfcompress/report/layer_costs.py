"""What each layer of a file costs."""

import os

from tfcompress.measurement.inspection.inspection import inspect
from tfcompress.report.layer_bars import LayerCost


def list_layer_costs(path: str | os.PathLike[str]) -> tuple[LayerCost, ...]:
    """Lists the layers of a `.tflite` file, the operations of one layer together.

    Args:
        path: The file.

    Returns:
        The layers, in the order in which they are computed.

    Raises:
        ModelError: If the file is damaged.

    Example:
    ```python
    largest = max(list_layer_costs("small.tflite"), key=lambda layer: layer.bytes)
    ```
    """
    costs: dict[str, LayerCost] = {}
    for layer in inspect(path).layers:
        known = costs.get(layer.name, LayerCost(layer.name, 0, 0, 0, 0))
        costs[layer.name] = LayerCost(
            name=layer.name,
            bytes=known.bytes + layer.bytes,
            parameters=known.parameters + layer.parameters,
            zeros=known.zeros + layer.zeros,
            multiply_adds=known.multiply_adds + layer.multiply_adds,
        )
    return tuple(costs.values())
