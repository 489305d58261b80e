"""Which tensors carry a mask that Keras hands on by itself."""

from tfcompress.graph.graph import Graph, Layer

_RECURRENT = {"Bidirectional", "GRU", "LSTM", "RNN", "SimpleRNN"}
# They take a mask and hand none on, or have no place for one.
_ENDS = {
    "Attention",
    "AdditiveAttention",
    "AveragePooling1D",
    "Conv1D",
    "Conv1DTranspose",
    "DepthwiseConv1D",
    "Dot",
    "EinsumDense",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "MaxPooling1D",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SeparableConv1D",
    "UpSampling1D",
    "ZeroPadding1D",
}


def masked_nodes(graph: Graph) -> frozenset[str]:
    """Returns the names of the nodes whose outputs may carry a mask.

    A mask begins at a `Masking` layer, or an `Embedding` with `mask_zero`, and goes
    through the layers behind it up to one that hands none on. A layer that is not known
    to end it is taken to hand it on.

    Args:
        graph: A graph without models inside it: see `flatten_models`.
    """
    found: set[str] = set()
    for node in graph.nodes:
        layer = graph.layer_of(node)
        begins = layer.kind == "Masking" or bool(layer.config.get("mask_zero"))
        given = any(tensor.node in found for tensor in node.inputs())
        if begins or (given and not _ends_a_mask(layer)):
            found.add(node.name)
    return frozenset(found)


def _ends_a_mask(layer: Layer) -> bool:
    if layer.kind in _RECURRENT:
        config = layer.config.get("layer", {}).get("config", layer.config)
        returned = ("return_sequences", "return_state")
        return not any(config.get(key, False) for key in returned)
    return layer.kind in _ENDS or layer.kind.startswith("ops.")
