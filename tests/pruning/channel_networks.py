"""Small models to remove channels from, whose couplings are known by hand."""

import numpy as np


def randomized(model, seed=0):
    """Gives all weights random numbers, none of them neutral."""
    generator = np.random.default_rng(seed)
    values = []
    for variable in model.weights:
        value = generator.normal(size=variable.shape) * 0.5
        positive = "variance" in variable.name
        values.append(np.abs(value) + 0.5 if positive else value)
    model.set_weights(values)
    return model


def build_cnn(module):
    """Residual, depthwise, squeeze-and-excite and concatenation.

    Channels: `stem` 16 (with `branch`, `norm` and `depthwise`), `point` 24 (with
    `excite`), `squeeze` 8, `mix` 16; `out` is returned.
    """
    layers = module.layers
    x = layers.Input((8, 8, 3), name="image")
    stem = layers.Conv2D(16, 3, padding="same", name="stem")(x)
    stem = layers.BatchNormalization(name="norm")(stem)
    stem = layers.ReLU(name="relu")(stem)
    branch = layers.Conv2D(16, 3, padding="same", name="branch")(stem)
    both = layers.Add(name="both")([stem, branch])
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(both)
    y = layers.Conv2D(24, 1, activation="relu", name="point")(y)
    gate = layers.GlobalAveragePooling2D(name="pool")(y)
    gate = layers.Reshape((1, 1, 24), name="shape")(gate)
    gate = layers.Conv2D(8, 1, activation="relu", name="squeeze")(gate)
    gate = layers.Conv2D(24, 1, activation="sigmoid", name="excite")(gate)
    y = layers.Multiply(name="gated")([y, gate])
    y = layers.Concatenate(name="beside")([y, both])
    y = layers.Conv2D(16, 1, activation="relu", name="mix")(y)
    y = layers.GlobalAveragePooling2D(name="pooled")(y)
    y = layers.Dense(3, name="out")(y)
    return randomized(module.Model(x, y, name="cnn"))


# Where the channels of each group are taken in: layer, weight, axis, first index.
CNN_CONSUMERS = {
    "stem": [("branch", 0, 2, 0), ("point", 0, 2, 0), ("mix", 0, 2, 24)],
    "point": [("squeeze", 0, 2, 0), ("mix", 0, 2, 0)],
    "squeeze": [("excite", 0, 2, 0)],
    "mix": [("out", 0, 0, 0)],
}


def build_text(module):
    """An embedding of 16 numbers and an LSTM of 16 units."""
    layers = module.layers
    x = layers.Input((6,), dtype="int32", name="tokens")
    y = layers.Embedding(11, 16, name="embedding")(x)
    y = layers.LSTM(16, name="lstm")(y)
    return randomized(module.Model(x, layers.Dense(3, name="out")(y), name="text"))


TEXT_CONSUMERS = {
    "embedding": [("lstm", 0, 0, 0)],
    "lstm": [("lstm", 1, 0, 0), ("out", 0, 0, 0)],
}


def build_nested(module):
    """A model inside a model, and a layer that is called twice."""
    layers = module.layers
    inner = module.Sequential(
        [
            layers.Input((4, 4, 16)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="a"),
            layers.Conv2D(24, 1, activation="relu", name="b"),
        ],
        name="inner",
    )
    x = layers.Input((4, 4, 3), name="image")
    y = layers.Conv2D(16, 1, activation="relu", name="first")(x)
    y = inner(y)
    shared = layers.Conv2D(24, 1, activation="relu", name="shared")
    y = shared(shared(y))
    y = layers.GlobalAveragePooling2D(name="pooled")(y)
    return randomized(module.Model(x, layers.Dense(3, name="out")(y), name="nested"))


# `shared` takes in what `b` and it itself make, so these are one group.
NESTED_CONSUMERS = {
    "first": [("a", 0, 2, 0)],
    "a": [("b", 0, 2, 0)],
    "b": [("shared", 0, 2, 0), ("out", 0, 0, 0)],
}


def build_transformer(module, heads=4):
    """An embedding, one block of attention and one of Dense layers, normalized."""
    layers = module.layers
    x = layers.Input((6,), dtype="int32", name="tokens")
    e = layers.Embedding(11, 16, name="embedding")(x)
    y = layers.MultiHeadAttention(heads, 8, name="attention")(e, e)
    e = layers.LayerNormalization(name="norm1")(layers.Add(name="add1")([e, y]))
    y = layers.Dense(32, activation="gelu", name="up")(e)
    y = layers.Dense(16, name="down")(y)
    e = layers.LayerNormalization(name="norm2")(layers.Add(name="add2")([e, y]))
    y = layers.GlobalAveragePooling1D(name="pooled")(e)
    return randomized(
        module.Model(x, layers.Dense(3, name="out")(y), name="transformer")
    )


def find_layer(model, name):
    """Returns a layer of a model, or of a model inside it."""
    inner = [layer for layer in model.layers if layer.name == "inner"]
    layers = [*model.layers, *(item for layer in inner for item in layer.layers)]
    return next(layer for layer in layers if layer.name == name)


def set_to_zero(model, consumers, removed):
    """Returns a copy that takes in these channels of each group as zeros."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    for group, channels in removed.items():
        for name, number, axis, first in consumers[group]:
            layer = find_layer(copy, name)
            values = layer.get_weights()
            rows = np.moveaxis(values[number], axis, 0)
            rows[first + np.asarray(channels, dtype=int)] = 0
            layer.set_weights(values)
    return copy


def missing(before, after):
    """Returns which numbers of a vector are not in a shorter one."""
    return [index for index, value in enumerate(before) if value not in after]
