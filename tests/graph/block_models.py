"""Small models whose residual blocks are known by hand."""

import keras
from keras import layers, ops

from tests.graph.channel_models import model

SIZE = (4, 4, 3)


def basic():
    """Two blocks as in ResNet, the activation after the sum; the first projects."""
    inputs = keras.Input(SIZE)
    shortcut = layers.Conv2D(4, 1, name="shortcut")(inputs)
    y = layers.Conv2D(4, 3, padding="same", name="a1")(inputs)
    x = layers.ReLU(name="a_out")(layers.Add(name="a")([shortcut, y]))
    for name in ("b", "c"):
        y = layers.Conv2D(4, 3, padding="same", name=f"{name}1")(x)
        y = layers.BatchNormalization(name=f"{name}_norm")(y)
        y = layers.Activation("relu", name=f"{name}_relu")(y)
        y = layers.Conv2D(4, 3, padding="same", name=f"{name}2")(y)
        operands = [x, y] if name == "b" else [y, x]
        x = layers.ReLU(name=f"{name}_out")(layers.Add(name=name)(operands))
    y = layers.GlobalAveragePooling2D(name="pool")(x)
    return model(inputs, layers.Dense(2, name="scores")(y))


def inverted():
    """A block as in EfficientNet: expansion, gate, dropout of the whole branch."""
    x = keras.Input(SIZE)
    start = layers.Conv2D(4, 1, name="stem")(x)
    y = layers.Conv2D(6, 1, activation="relu", name="expand")(start)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(y)
    s = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(y)
    s = layers.Conv2D(6, 1, activation="sigmoid", name="excite")(s)
    y = layers.Multiply(name="gated")([y, s])
    y = layers.Conv2D(4, 1, name="project")(y)
    y = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name="drop")(y)
    y = layers.Add(name="sum")([y, start])
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def transformer():
    """One layer that normalizes first and one that normalizes last."""
    x = keras.Input((5,), dtype="int32")
    e = layers.Embedding(7, 6, name="tokens")(x)
    y = layers.LayerNormalization(name="norm1")(e)
    y = layers.MultiHeadAttention(2, 3, name="attention1")(y, y)
    e = e + layers.Dropout(0.1, name="drop1")(y)
    y = layers.LayerNormalization(name="norm2")(e)
    y = layers.Dense(8, activation="gelu", name="wide1")(y)
    e = layers.Add(name="mlp1")([e, layers.Dense(6, name="narrow1")(y)])
    y = layers.MultiHeadAttention(2, 3, name="attention2")(e, e)
    e = layers.LayerNormalization(name="norm3")(layers.Add(name="sum2")([e, y]))
    y = layers.Dense(8, activation="relu", name="wide2")(e)
    y = layers.Dense(6, name="narrow2")(y)
    e = layers.LayerNormalization(name="norm4")(layers.Add(name="mlp2")([e, y]))
    return model(x, layers.Dense(2, name="out")(e))


def scaled():
    """A block as in ConvNeXt, its branch scaled by learned numbers."""
    x = keras.Input(SIZE)
    start = layers.Conv2D(4, 1, name="stem")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(start)
    y = layers.LayerNormalization(name="norm")(y)
    y = layers.Dense(8, activation="gelu", name="wide")(y)
    y = layers.Dense(4, name="narrow")(y)
    y = layers.BatchNormalization(name="scale")(y)
    y = ops.add(start, y)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def nested_blocks():
    """A block within the branch of another."""
    x = keras.Input((4,))
    start = layers.Dense(3, name="stem")(x)
    y = layers.Dense(3, activation="relu", name="first")(start)
    y = layers.Add(name="inner")([y, layers.Dense(3, name="second")(y)])
    y = layers.Add(name="outer")([start, layers.Dense(3, name="third")(y)])
    return model(x, layers.Dense(2, name="out")(y))


def refused():
    """Additions and concatenations none of which can be left out."""
    x = keras.Input((4,))
    z = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    y = layers.Add(name="calls_shared")([x, shared(x)])
    seen = layers.Dense(4, name="seen")(y)
    y = layers.Add(name="branch_is_used")([y, seen])
    y = layers.Add(name="two_inputs")([y, shared(z)])
    wide = layers.Reshape((1, 4))(y)
    tall = layers.Dense(4, name="tall")(layers.Reshape((4, 1))(y))
    y = layers.Flatten()(layers.Add(name="broadcast")([wide, tall]))
    y = layers.Dense(4, name="narrow")(y)
    y = layers.Add(name="three")([y, layers.Dense(4)(y), layers.Dense(4)(y)])
    y = layers.Add(name="itself")([y, y])
    y = layers.Concatenate(name="joined")([y, layers.Dense(4, name="grown")(y)])
    y = y + 1.0
    return model([x, z], [layers.Dense(2, name="out")(y), seen])
