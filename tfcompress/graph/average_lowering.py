"""Writes the mean of several tensors as a sum and a factor."""

from tfcompress.graph.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.implicit_masks import masked_nodes
from tfcompress.graph.substitution import Chain, substitute


def lower_averages(graph: Graph) -> Graph:
    """Returns a graph in which each `Average` layer is an `Add` and a `Rescaling`.

    TFLite adds in whole numbers, but has no operation for the mean of tensors. The sum
    is called `<layer>_sum`; the factor, one divided by how many tensors there are,
    keeps the layer's name.

    What stays: an `Average` of tensors that carry a mask, which only some of the layers
    hand on.

    Args:
        graph: A graph without models inside it: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import lower_averages
    from tfcompress.keras_compat import build, read

    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, keras.layers.Average()(inputs))
    lowered = build(lower_averages(read(model)), keras="keras")
    assert [layer.name for layer in lowered.layers[2:]] == ["average_sum", "average"]
    ```
    """
    masked = masked_nodes(graph)

    def replacement(node: Node, chain: Chain) -> Tensor | None:
        layer = graph.layer_of(node)
        inputs = node.inputs()
        if layer.kind != "Average" or masked & {tensor.node for tensor in inputs}:
            return None
        spec = node.outputs[0] if node.outputs else None
        dtype = {"dtype": layer.config.get("dtype", "float32")}
        added = Layer(chain.part("sum"), "Add", dtype)
        total = chain.call(added, node.arguments, spec, node.keywords)
        factor = Layer(
            layer.name,
            "Rescaling",
            {"scale": 1 / len(inputs), "offset": 0.0, **dtype},
        )
        return chain.call(factor, (total,), spec)

    return substitute(graph, replacement)
