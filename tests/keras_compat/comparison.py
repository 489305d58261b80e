"""How tests compare a model with its twin."""

import keras
import numpy as np


def sample_inputs(model, *, size=6, batch=2):
    """Random inputs in the structure that a model takes."""
    generator = np.random.default_rng(0)

    def one(tensor):
        shape = [batch, *tensor.shape[1:]]
        shape = [size if n is None else n for n in shape]
        name = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
        if "int" in name:
            return generator.integers(0, 5, shape).astype(name)
        if name == "bool":
            return generator.uniform(size=shape) > 0.4
        return generator.normal(size=shape).astype(name)

    structure = model.inputs[0] if len(model.inputs) == 1 else model.input
    return keras.tree.map_structure(one, structure)


def outputs_of(model, inputs):
    """What a model returns at inference, flattened, as float64 arrays."""
    result = model(inputs, training=False)
    return [np.asarray(leaf, np.float64) for leaf in keras.tree.flatten(result)]


def largest_difference(first, second, inputs=None):
    """The largest difference of outputs, as a share of the largest output."""
    inputs = sample_inputs(first) if inputs is None else inputs
    pairs = list(
        zip(outputs_of(first, inputs), outputs_of(second, inputs), strict=True)
    )
    return max(float(np.abs(a - b).max() / (np.abs(a).max() + 1e-9)) for a, b in pairs)


def weight_bytes(model):
    """All weights, bit for bit, in an order that does not depend on the Keras."""
    return sorted(np.asarray(weight).tobytes() for weight in model.weights)


def state_of(model):
    """What a call must not change: weights, flags, and how it is compiled."""
    flags = [(name, layer.trainable) for name, layer in all_layers(model)]
    compiled = [id(getattr(model, key, None)) for key in ("optimizer", "loss")]
    return [w.tobytes() for w in map(np.asarray, model.weights)], flags, compiled


def all_layers(model):
    """Names and layers of a model, of nested models too."""
    found = []
    for layer in model.layers:
        found.append((layer.name, layer))
        if isinstance(getattr(layer, "layers", None), list):
            found += all_layers(layer)
    return found


def layer_names(model):
    """Names of all layers, of nested models too."""
    return [name for name, _ in all_layers(model)]
