"""Small models whose coupled channels are known by hand."""

import keras
import numpy as np
from keras import layers, ops
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

SIZE = (4, 4, 3)


def model(inputs, outputs):
    """A model with random numbers in all its weights, none of them neutral."""
    return randomize(keras.Model(inputs, outputs))


def randomize(made):
    """Random numbers in all weights of a model of either Keras, which it returns."""
    generator = np.random.default_rng(0)
    for variable in made.weights:
        if "float" not in str(variable.dtype):
            continue
        values = generator.normal(size=tuple(variable.shape)) * 0.5
        positive = "variance" in variable.name
        variable.assign(np.abs(values) + 0.5 if positive else values)
    return made


def residual():
    x = keras.Input(SIZE)
    a = layers.Conv2D(4, 3, padding="same", name="a")(x)
    b = layers.BatchNormalization(name="bn")(a)
    b = layers.ReLU(name="relu")(b)
    b = layers.Conv2D(4, 1, name="b")(b)
    y = layers.Add(name="add")([a, b])
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def squeeze_excite():
    x = keras.Input(SIZE)
    a = layers.Conv2D(6, 3, activation="relu", name="a")(x)
    s = layers.GlobalAveragePooling2D(name="pool")(a)
    s = layers.Reshape((1, 1, 6), name="shape")(s)
    s = layers.Conv2D(2, 1, activation="relu", name="squeeze")(s)
    s = layers.Conv2D(6, 1, activation="sigmoid", name="excite")(s)
    y = layers.Multiply(name="gated")([a, s])
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def concatenated():
    x = keras.Input(SIZE)
    a = layers.Conv2D(2, 1, name="a")(x)
    b = layers.Conv2D(3, 1, name="b")(x)
    y = layers.Concatenate(name="both")([a, b])
    y = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(y)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def joined_parts():
    """What NASNet adds: a convolution, and two that lie side by side."""
    x = keras.Input(SIZE)
    a = layers.Conv2D(2, 1, name="a")(x)
    b = layers.Conv2D(3, 1, name="b")(x)
    whole = layers.Conv2D(5, 1, name="whole")(x)
    y = layers.Add(name="add")([layers.Concatenate(name="both")([a, b]), whole])
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def grouped():
    x = keras.Input(SIZE)
    a = layers.Conv2D(4, 1, name="a")(x)
    y = layers.Conv2D(6, 3, groups=2, name="grouped")(a)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def flattened():
    x = keras.Input((2, 2, 3))
    y = layers.Conv2D(3, 1, name="a")(x)
    y = layers.Flatten(name="flat")(y)
    return model(x, layers.Dense(2, name="out")(y))


def separable():
    x = keras.Input(SIZE)
    y = layers.Conv2D(3, 1, name="a")(x)
    y = layers.SeparableConv2D(4, 3, depth_multiplier=2, name="separable")(y)
    y = layers.Conv2DTranspose(5, 3, name="transposed")(y)
    y = layers.PReLU(name="prelu")(y)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def recurrent():
    x = keras.Input((5, 3))
    y = layers.LSTM(4, return_sequences=True, name="lstm")(x)
    gru = layers.GRU(3, return_sequences=True)
    y = layers.Bidirectional(gru, name="both")(y)
    y = layers.TimeDistributed(layers.Dense(4), name="each")(y)
    return model(x, layers.Dense(2, name="out")(y))


def attention():
    x = keras.Input((5,), dtype="int32")
    e = layers.Embedding(7, 6, name="embedding")(x)
    y = layers.MultiHeadAttention(3, 4, name="attention")(e, e)
    y = layers.Add(name="add")([e, y])
    return model(x, layers.Dense(2, name="out")(y))


def normalized():
    x = keras.Input((5, 3))
    y = layers.Dense(4, name="a")(x)
    y = layers.LayerNormalization(name="norm")(y)
    return model(x, layers.Dense(2, name="out")(y))


def shared():
    x, z = keras.Input((3,)), keras.Input((3,))
    twice = layers.Dense(4, name="twice")
    y = layers.Subtract(name="difference")([twice(x), twice(z)])
    return model([x, z], layers.Dense(2, name="out")(y))


def sliced():
    x = keras.Input(SIZE)
    y = layers.Conv2D(6, 1, name="a")(x)
    first, second = ops.split(y, 2, axis=-1)
    rest = y[..., 4:]
    y = ops.concatenate([first + second, rest], axis=-1)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def unknown():
    x = keras.Input(SIZE)
    y = layers.Conv2D(4, 1, name="a")(x)
    y = ops.roll(y, 1, axis=-1)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def depthwise_by_groups():
    x = keras.Input(SIZE)
    y = layers.Conv2D(4, 1, name="a")(x)
    y = layers.Conv2D(8, 3, groups=4, name="thin")(y)
    return model(x, layers.Conv2D(2, 1, name="out")(y))


def blocks():
    """A small residual network that normalizes first, as ResNet50V2 does."""
    x = keras.Input(SIZE)
    y = layers.Conv2D(6, 3, padding="same", name="stem")(x)
    for name in ("one", "two"):
        z = layers.BatchNormalization()(y)
        z = layers.ReLU(name=f"{name}_n")(z)
        z = layers.Conv2D(4, 1, use_bias=False, name=f"{name}_c")(z)
        z = layers.BatchNormalization()(z)
        z = layers.ReLU(name=f"{name}_a")(z)
        y = y + layers.Conv2D(6, 3, padding="same")(z)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU(name="last")(y)
    y = layers.GlobalAveragePooling2D()(y)
    return model(x, layers.Dense(2, name="out")(y))


def moved():
    x = keras.Input(SIZE)
    y = layers.Conv2D(3, 1, activation="relu", name="a")(x)
    y = layers.Permute((3, 1, 2))(y)
    y = layers.ReLU()(y)
    y = ops.reshape(y, (-1, 3, 16))
    y = ops.transpose(y, (0, 2, 1))
    y = ops.stack([y, y * 2.0], axis=1)
    y = ops.mean(ops.squeeze(y[:, :1], axis=1), axis=1, keepdims=True)
    return model(x, layers.Dense(2, name="out")(y))


def scored():
    x = keras.Input((5, 3))
    a, b = layers.Dense(4, name="a")(x), layers.Dense(3, name="b")(x)
    y = layers.Dot(2)([a, a])
    y = ops.softmax(y, axis=-1)
    y = layers.Concatenate()([y, b])
    return model(x, layers.Dense(2, name="out")(y))


def joined_with_noise():
    """Noise alike on all channels, and the sum of InceptionResNetV2."""
    x = keras.Input(SIZE)
    y = layers.Conv2D(3, 1, name="a")(x)
    y = layers.Dropout(0.1, noise_shape=(None, 1, 1, 1), name="noise")(y)
    z = layers.Conv2D(3, 1, name="c")(x)
    scaled = CustomScaleLayer(scale=0.3, name="sum")
    y = layers.Conv2D(2, 1, activation="relu", name="b")(scaled([y, z]))
    return model(x, layers.Conv2D(2, 1, name="out")(y))
