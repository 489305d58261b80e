"""Writes layers that merge several tensors as those that merge two."""

from tfcompress.graph.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.implicit_masks import masked_nodes
from tfcompress.graph.substitution import Chain, spec_of, substitute

_OF_TWO = {"Add": "Add", "Average": "Add", "Multiply": "Multiply"}
_PARTS = {"Add": "sum", "Multiply": "product"}


def lower_merges(graph: Graph) -> Graph:
    """Returns a graph whose `Add` and `Multiply` layers take two tensors each.

    TFLite adds and multiplies two tensors in whole numbers. What is summed first is
    called `<layer>_sum` and `<layer>_sum_1`, or `<layer>_product`; the last layer keeps
    the name.

    An `Average`, which TFLite does not have, becomes such sums and a `Rescaling` of its
    name by one divided by how many tensors there are.

    What stays: layers that merge tensors with a mask, which only some layers hand on,
    or tensors of unknown shape.

    Args:
        graph: A graph without models inside it: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import lower_merges
    from tfcompress.keras_compat import build, read

    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, keras.layers.Average(name="mean")(inputs))
    lowered = build(lower_merges(read(model)), keras="keras")
    assert [layer.name for layer in lowered.layers[2:]] == ["mean_sum", "mean"]
    ```
    """
    masked = masked_nodes(graph)

    def replacement(node: Node, chain: Chain) -> Tensor | None:
        layer = graph.layer_of(node)
        inputs = node.inputs()
        averages = layer.kind == "Average"
        if (
            layer.kind not in _OF_TWO
            or (len(inputs) < 3 and not averages)
            or len(node.outputs) != 1
            or any(spec_of(graph, tensor) != node.outputs[0] for tensor in inputs)
            or masked & {tensor.node for tensor in inputs}
        ):
            return None
        kind, spec = _OF_TWO[layer.kind], node.outputs[0]
        dtype = {"dtype": layer.config.get("dtype", "float32")}
        result, *others = inputs
        for number, other in enumerate(others):
            name = layer.name
            if averages or number < len(others) - 1:
                again = f"_{number}" if number else ""
                name = chain.part(f"{_PARTS[kind]}{again}")
            result = chain.call(Layer(name, kind, dtype), ((result, other),), spec)
        if not averages:
            return result
        config = {"scale": 1 / len(inputs), "offset": 0.0, **dtype}
        return chain.call(Layer(layer.name, "Rescaling", config), (result,), spec)

    return substitute(graph, replacement)
