"""What every test of a lowering needs: random weights, both Kerases, differences."""

import numpy as np

from tests.keras_compat.comparison import largest_difference
from tfcompress import keras_compat
from tfcompress.graph import flatten_models


def randomize(model, seed=0):
    """Gives every weight random numbers, variances above zero."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        low = 0.5 if "variance" in weight.name else -0.8
        weight.assign(generator.uniform(low, 0.9, weight.shape).astype(np.float32))
    return model


def random_inputs(model, low=-3.0, high=3.0):
    """Returns random input for a model; open sizes are 5."""
    generator = np.random.default_rng(1)
    inputs = [
        generator.uniform(
            low, high, (2, *(5 if size is None else size for size in tensor.shape[1:]))
        ).astype(np.float32)
        for tensor in model.inputs
    ]
    return inputs if len(inputs) > 1 else inputs[0]


def lowered_graph(model, lower):
    """Returns the graph of a model after a pass, with the difference that it makes.

    The model is built again in both Kerases; the difference is the largest one of any
    output, as a share of the largest number in it.
    """
    graph = lower(flatten_models(keras_compat.read(model)))
    inputs = random_inputs(model)
    return graph, max(
        largest_difference(model, keras_compat.build(graph, keras=name), inputs)
        for name in ("keras", "tf_keras")
    )


def kinds(graph):
    """Returns the kinds of the layers of a graph, in order of their first call."""
    names = dict.fromkeys(node.layer for node in graph.nodes)
    return [graph.layers[name].kind for name in names]
