"""From a quantization-aware model back to one of stock layers."""

from typing import Any

from tfcompress import keras_compat
from tfcompress.graph import Graph
from tfcompress.graph.editing import remove_node
from tfcompress.keras_compat import tfmot_layers


def unwrap(model: Any) -> Graph:
    """Returns the graph of a model without fake-quantization, its weights rounded.

    Args:
        model: A quantization-aware tf_keras model. It is not changed.

    Returns:
        A graph of the same layers as before wrapping. Its kernels hold the values that
        the wrapped model computed with.
    """
    tf_keras = keras_compat.tf_keras()
    pairs: list[tuple[Any, Any]] = []
    only_rounding: list[str] = []

    def strip(layer: Any) -> Any:
        if tfmot_layers.is_quantize_layer(layer):
            only_rounding.append(layer.name)
            return tf_keras.layers.Activation("linear", name=layer.name)
        inner = tfmot_layers.inner_layer(layer)
        pairs.append((layer, inner))
        return inner

    plain = tf_keras.models.clone_model(model, clone_function=strip)
    for layer, inner in pairs:
        tfmot_layers.copy_rounded_weights(layer, inner)
    graph = keras_compat.read(plain)
    for name in only_rounding:
        graph = remove_node(graph, name)
    return graph
