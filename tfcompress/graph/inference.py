"""Drops the layers that do nothing at inference."""

from tfcompress.graph.graph import Graph, Node, Tensor
from tfcompress.graph.rewiring import rewire, without_unused

_NOTHING = {
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
}


def drop_training_layers(graph: Graph) -> Graph:
    """Returns a graph without dropout, noise, augmentation and identity layers.

    At inference they return their input. One that changes the dtype stays.

    Args:
        graph: A graph; models inside it are left as they are: see `flatten_models`.

    Example:
    ```python
    import keras
    from tfcompress.graph import drop_training_layers
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.RandomFlip(), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    plain = build(drop_training_layers(read(model)), keras="keras")
    ```
    """
    dropped = {
        Tensor(node.name): node.inputs()[0]
        for node in graph.nodes
        if _does_nothing(graph, node)
    }
    return without_unused(rewire(graph, dropped))


def _does_nothing(graph: Graph, node: Node) -> bool:
    layer = graph.layer_of(node)
    linear = layer.kind == "Activation" and layer.config["activation"] == "linear"
    if layer.kind not in _NOTHING and not linear:
        return False
    taken = node.inputs()[0]
    specs = graph.node(taken.node).outputs
    return not specs or not node.outputs or specs[taken.index] == node.outputs[0]
