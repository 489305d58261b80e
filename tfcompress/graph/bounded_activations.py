"""Puts ReLU in the place of ReLU6."""

import dataclasses

from tfcompress.graph.graph import Graph, Layer


def replace_relu6(graph: Graph) -> Graph:
    """Returns a graph in which every ReLU6 has lost its upper end.

    It computes the same where no input of a ReLU6 is above 6. What is positively
    homogeneous can be equalized: see `equalize_channels`.

    Args:
        graph: A graph; models inside it are left as they are.

    Example:
    ```python
    import keras
    from tfcompress.graph import replace_relu6
    from tfcompress.keras_compat import build, read

    model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU(6.0)])
    unbounded = build(replace_relu6(read(model)), keras="keras")
    ```
    """
    layers = {name: _unbounded(layer) for name, layer in graph.layers.items()}
    return dataclasses.replace(graph, layers=layers)


def _unbounded(layer: Layer) -> Layer:
    if layer.kind in ("ops.relu6", "tf.nn.relu6"):
        kind = layer.kind.removesuffix("6")
        return dataclasses.replace(layer, kind=kind, type=None)
    if layer.config.get("activation") == "relu6":
        config = {**layer.config, "activation": "relu"}
        return dataclasses.replace(layer, config=config)
    if layer.kind == "ReLU" and layer.config.get("max_value") == 6:
        return dataclasses.replace(layer, config={**layer.config, "max_value": None})
    return layer
