"""How many words the Embedding layers of a model know."""

from collections.abc import Mapping
from typing import Any

from tfcompress import keras_compat
from tfcompress.graph.graph import tensors
from tfcompress.sources.model_inputs import inputs_of


def words_of_inputs(model: Any) -> dict[str, int]:
    """Returns how many words a model knows, by the names of the inputs that take them.

    Args:
        model: A built functional or Sequential model of either Keras.

    Returns:
        The `input_dim` of the Embedding that an input leads to directly; an input that
        leads to none is left out.

    Example:
    ```python
    import keras
    from tfcompress.sources.embeddings import words_of_inputs

    layers = [keras.Input((6,), name="words"), keras.layers.Embedding(50, 4)]
    assert words_of_inputs(keras.Sequential(layers)) == {"words": 50}
    ```
    """
    graph = keras_compat.read_flat(model)
    found: dict[str, int] = {}
    if isinstance(graph.inputs, Mapping):
        entries = {str(name): tensor for name, tensor in graph.inputs.items()}
    else:
        names = [each.name for each in inputs_of(model)]
        entries = dict(zip(names, tensors(graph.inputs), strict=True))
    for name, tensor in entries.items():
        readers = map(graph.layer_of, graph.consumers(tensor.node))
        sizes = [int(r.config["input_dim"]) for r in readers if r.kind == "Embedding"]
        if sizes:
            found[name] = min(sizes)
    return found


def words_known(model: Any) -> int | None:
    """Returns how many words a model knows, or None where it has no Embedding.

    Args:
        model: A built functional or Sequential model of either Keras, or the inputs and
            outputs of a file, which has no layers.

    Returns:
        The `input_dim` of the Embedding that its input leads to; where that is inside
        another layer, of the largest in the model.
    """
    if not hasattr(model, "layers"):
        return None
    direct = words_of_inputs(model)
    if direct:
        return min(direct.values())
    sizes = [
        int(layer.input_dim)
        for layer in model._flatten_layers()
        if type(layer).__name__ == "Embedding"
    ]
    return max(sizes, default=None)
