"""Small models of every kind. Layers that no file computes in whole numbers, and only
those, have names that begin with `float`."""

import keras
import numpy as np

layers = keras.layers

MODELS = {}


def images(name, shape=(12, 12, 3)):
    """Notes a function from images to outputs under a name."""

    def note(function):
        def build():
            inputs = keras.Input(shape)
            return keras.Model(inputs, function(inputs))

        MODELS[name] = build

    return note


def tokens(name):
    """Notes a function from embedded tokens to sequences or vectors under a name."""

    def note(function):
        def build():
            inputs = keras.Input((10,), dtype="int32")
            x = function(layers.Embedding(50, 16)(inputs))
            if len(x.shape) == 3:
                x = layers.GlobalAveragePooling1D()(x)
            return keras.Model(inputs, layers.Dense(5)(x))

        MODELS[name] = build

    return note


def whole(name):
    """Notes a function that builds a model under a name."""

    def note(function):
        MODELS[name] = function

    return note


def head(x):
    return layers.Dense(5)(layers.GlobalAveragePooling2D()(x))


def conv(x, **arguments):
    return layers.Conv2D(8, 3, **arguments)(x)


def norm(x):
    return layers.BatchNormalization()(x)


images("conv, relu, norm")(lambda x: head(norm(conv(x, activation="relu"))))
images("norm first")(lambda x: head(conv(norm(x))))
images("norm, relu, conv")(lambda x: head(conv(layers.ReLU()(norm(conv(x))))))
images("separable")(lambda x: head(layers.SeparableConv2D(8, 3, activation="relu")(x)))
images("transposed")(
    lambda x: head(layers.ReLU()(norm(layers.Conv2DTranspose(8, 3, strides=2)(x))))
)
images("grouped")(lambda x: head(conv(conv(x, activation="relu"), groups=2)))
images("strided, padded")(
    lambda x: head(
        conv(layers.ZeroPadding2D(1)(conv(x, activation="relu6")), strides=2)
    )
)
images("max and average pooling")(
    lambda x: head(layers.AveragePooling2D(2)(layers.MaxPooling2D(2)(conv(x))))
)
images("average pooling")(lambda x: head(layers.AveragePooling2D(2)(conv(x))))
images("padded average pooling")(
    lambda x: head(
        layers.AveragePooling2D(3, strides=2, padding="same")(
            conv(x, activation="relu")
        )
    )
)
images("add, relu")(
    lambda x: head(
        layers.ReLU()(layers.Add()([conv(x, padding="same"), layers.Conv2D(8, 1)(x)]))
    )
)
images("leaky relu")(lambda x: head(layers.LeakyReLU()(conv(x))))
images("prelu")(lambda x: head(layers.PReLU(shared_axes=[1, 2])(conv(x))))
images("rescaling")(lambda x: head(conv(layers.Rescaling(2.0, -1.0)(x))))
images("augmentation")(
    lambda x: head(conv(layers.RandomRotation(0.1)(layers.RandomFlip()(x))))
)
images("resizing")(lambda x: head(conv(layers.Resizing(16, 16)(x))))
images("operations")(lambda x: head(keras.ops.relu(conv(x) * 2.0 - 0.5)))
images("upsampling")(
    lambda x: layers.Conv2D(2, 3, padding="same")(
        layers.UpSampling2D(2, interpolation="bilinear")(conv(x, activation="relu"))
    )
)
images("group normalization")(
    lambda x: head(layers.GroupNormalization(4, name="float")(conv(x)))
)


@images("normalization layer")
def normalization(x):
    mean, variance = [0.5, 0.4, 0.3], [0.1, 0.2, 0.3]
    return head(conv(layers.Normalization(mean=mean, variance=variance)(x)))


@images("squeeze and excite")
def squeeze_and_excite(x):
    x = conv(x, activation="relu")
    s = layers.GlobalAveragePooling2D(keepdims=True)(x)
    s = layers.Conv2D(4, 1, activation="relu")(s)
    s = layers.Conv2D(8, 1, activation="sigmoid")(s)
    return head(layers.Multiply()([x, s]))


@images("squeeze and excite, hard")
def hard_squeeze_and_excite(x):
    x = conv(x, activation="silu")
    s = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(x))
    s = layers.Conv2D(4, 1, activation="silu")(s)
    return head(x * layers.Conv2D(8, 1, activation="hard_sigmoid")(s))


@images("concatenations")
def concatenations(x):
    a = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same")(x)])
    b = layers.Conv2D(4, 3, padding="same")(layers.ReLU()(norm(a)))
    return head(layers.Concatenate()([a, b]))


def branches(x):
    return [
        conv(x, padding="same"),
        layers.Conv2D(8, 1)(x),
        layers.Conv2D(8, 1, activation="relu")(x),
    ]


images("mean of two")(lambda x: head(layers.Average()(branches(x)[:2])))
images("mean of three")(lambda x: head(layers.Average()(branches(x))))
images("sum of three")(lambda x: head(layers.Add()(branches(x))))
images("product of three")(lambda x: head(layers.Multiply()(branches(x))))
images("maximum of three")(lambda x: head(layers.Maximum()(branches(x))))

WHOLE = ("relu6", "hard_silu", "silu", "gelu", "leaky_relu", "tanh", "exponential")
OTHERS = ("softplus", "mish", "elu", "selu", "hard_sigmoid", "softsign", "celu")
for activation in (*WHOLE, *OTHERS, "hard_tanh", "log_sigmoid"):
    images(activation)(
        lambda x, activation=activation: head(conv(x, activation=activation))
    )

tokens("embedding")(lambda x: x)
tokens("lstm")(lambda x: layers.LSTM(8, name="float")(x))
tokens("gru")(lambda x: layers.GRU(8, name="float")(x))
tokens("bidirectional")(lambda x: layers.Bidirectional(layers.LSTM(8), name="float")(x))
tokens("sequence convolution")(
    lambda x: layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3, activation="relu")(x))
)
tokens("causal convolution")(
    lambda x: layers.ReLU()(norm(layers.Conv1D(8, 3, padding="causal")(x)))
)
tokens("separable sequence")(
    lambda x: layers.SeparableConv1D(8, 3, activation="relu")(x)
)
tokens("sequence pooling")(lambda x: layers.AveragePooling1D(2)(layers.Conv1D(8, 3)(x)))
tokens("einsum")(
    lambda x: layers.EinsumDense("abc,cd->abd", output_shape=(None, 8), bias_axes="d")(
        x
    )
)


@tokens("transformer")
def transformer(x):
    y = layers.LayerNormalization(name="float_1")(x)
    x = x + layers.MultiHeadAttention(2, 8)(y, y)
    y = layers.LayerNormalization(name="float_2")(x)
    return x + layers.Dense(16)(layers.Dense(32, activation="gelu")(y))


@whole("masked lstm")
def masked_lstm():
    inputs = keras.Input((10,), dtype="int32")
    x = layers.Embedding(50, 16, mask_zero=True)(inputs)
    return keras.Model(inputs, layers.Dense(5)(layers.LSTM(8, name="float")(x)))


@whole("nested")
def nested():
    inner = [layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization()]
    inner = keras.Sequential([keras.Input((12, 12, 3)), *inner])
    outer = [inner, layers.GlobalAveragePooling2D(), layers.Dense(5)]
    return keras.Sequential([keras.Input((12, 12, 3)), *outer])


@whole("shared")
def shared():
    inputs = [keras.Input((12, 12, 3)), keras.Input((12, 12, 3))]
    one, pool = layers.Conv2D(8, 3, activation="relu"), layers.GlobalAveragePooling2D()
    x = layers.Concatenate()([pool(one(tensor)) for tensor in inputs])
    return keras.Model(inputs, layers.Dense(5)(x))


@whole("called twice")
def called_twice():
    inputs, dense = keras.Input((8,)), layers.Dense(8, activation="relu")
    return keras.Model(inputs, layers.Dense(5)(dense(dense(inputs))))


@whole("perceptron")
def perceptron():
    hidden = [layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3)]
    last = layers.Dense(1, activation="sigmoid")
    return keras.Sequential([keras.Input((20,)), layers.Dense(16), *hidden, last])


@whole("volumes")
def volumes():
    first = layers.Conv3D(4, 3, activation="relu", name="float")
    pool = layers.GlobalAveragePooling3D(name="float_pool")
    return keras.Sequential([keras.Input((6, 6, 6, 2)), first, pool, layers.Dense(3)])


@whole("two outputs")
def two_outputs():
    inputs = keras.Input((6,))
    b = layers.Dense(2, activation="softmax", name="b")(inputs)
    return keras.Model(inputs, {"a": layers.Dense(3, name="a")(inputs), "b": b})


def structured(model, samples=512):
    """Returns inputs of patches of four by four, with a little noise on them."""
    rng = np.random.default_rng(1)
    inputs = [_structured(rng, tensor, samples) for tensor in model.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


def _structured(rng, tensor, samples):
    shape = tuple(tensor.shape[1:])
    if "int" in str(tensor.dtype):
        return rng.integers(0, 50, (samples, *shape)).astype("int32")
    places, channels = shape[:-1], shape[-1:]
    patches = rng.normal(size=(samples, *(-(-n // 4) for n in places), *channels))
    for axis, size in enumerate(places, start=1):
        patches = np.take(np.repeat(patches, 4, axis), range(size), axis)
    return (patches + 0.1 * rng.normal(size=patches.shape)).astype("float32")


def give_statistics(model):
    """Gives batch normalizations statistics, as training would."""
    rng = np.random.default_rng(2)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = (
                rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()
            )
            layer.set_weights([gamma, beta - 1, mean - 1, variance])
