"""A model whose layers compute with operations that devices have."""

import dataclasses
from typing import Any

from tfcompress.graph import Graph, Layer
from tfcompress.keras_compat import modules
from tfcompress.keras_compat.building import build
from tfcompress.keras_compat.membership import is_tf_keras
from tfcompress.keras_compat.reading import read

_LAYERS = {
    "Embedding": "PlainEmbedding",
    "GroupNormalization": "PlainGroupNormalization",
    "LayerNormalization": "PlainLayerNormalization",
}
_OPERATIONS = {"ops.argmax": "PlainArgmax", "ops.argmin": "PlainArgmin"}


def plain_model(model: Any) -> Any:
    """Returns a model that converters turn into operations that devices have.

    Some layers of Keras 3 do more than the same ones of tf_keras do: `Embedding` knows
    negative numbers, `argmax` tells -0 from 0, and normalization is written so that
    devices which broadcast one way only cannot compute it.

    Args:
        model: A functional or Sequential model of either Keras. It is not changed.

    Returns:
        The model itself if it has no such layers, else a model of the same Keras, with
        the same names and weights, that computes the same but for such cases.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import plain_model

    layers = [keras.Input((4,)), keras.layers.LayerNormalization()]
    model = plain_model(keras.Sequential(layers))
    ```
    """
    if is_tf_keras(model):
        return model
    graph = read(model)
    changed = _plain(graph)
    if changed is graph:
        return model
    return build(changed, keras="keras", trusted=True)


def _plain(graph: Graph) -> Graph:
    layers = {name: _plain_layer(layer) for name, layer in graph.layers.items()}
    if all(layers[name] is layer for name, layer in graph.layers.items()):
        return graph
    return dataclasses.replace(graph, layers=layers)


def _plain_layer(layer: Layer) -> Layer:
    from tfcompress.keras_compat import plain_layers

    if layer.graph is not None:
        inner = _plain(layer.graph)
        return (
            layer if inner is layer.graph else dataclasses.replace(layer, graph=inner)
        )
    if layer.kind in _OPERATIONS:
        kind = _OPERATIONS[layer.kind]
    elif layer.type is getattr(modules.keras().layers, layer.kind, layer):
        kind = _LAYERS.get(layer.kind, "")
    else:
        return layer
    if not kind:
        return layer
    return dataclasses.replace(layer, kind=kind, type=getattr(plain_layers, kind))
