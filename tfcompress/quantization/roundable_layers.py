"""Which layers have a kernel that a file rounds."""

from tfcompress.errors import ModelError
from tfcompress.graph import Graph, Layer
from tfcompress.graph.grouped_kernel import has_grouped_kernel


def find_roundable(graph: Graph) -> list[str]:
    """Returns the names of convolutions and Dense layers, in the order of their calls.

    Layers of other classes of the same name, and those with their channels first, are
    left out.

    Args:
        graph: A graph without models inside it.

    Raises:
        ModelError: If there are none.
    """
    found = dict.fromkeys(
        node.layer for node in graph.nodes if _is_rounded(graph.layers[node.layer])
    )
    if not found:
        raise ModelError(
            "The model has no convolution or Dense layer whose weights could be "
            f"rounded. Received: model {graph.name!r}"
        )
    return list(found)


def _is_rounded(layer: Layer) -> bool:
    last = layer.config.get("data_format") != "channels_first"
    return last and has_grouped_kernel(layer)
