"""A small model for each kind of layer, and which of its channels can go."""

import keras
import numpy as np
from keras import layers, ops

from tests.graph.channel_models import SIZE, model

KINDS = {}


def kind(**free):
    """Registers a function that makes a model, with the widths of its free groups."""

    def register(function):
        KINDS[function.__name__] = (function, free)
        return function

    return register


def ends(x, y, width=2):
    return model(x, layers.Dense(width, name="out")(y))


@kind(rnn=4, gru=3, old=3)
def recurrent_layers():
    x = keras.Input((5, 3))
    y = layers.SimpleRNN(4, return_sequences=True, name="rnn")(x)
    y = layers.GRU(3, return_sequences=True, name="gru")(y)
    y = layers.GRU(3, reset_after=False, name="old")(y)
    return ends(x, y)


@kind(one=3, two=2)
def bidirectional():
    x = keras.Input((5, 3))
    lstm = layers.LSTM(3, return_sequences=True)
    y = layers.Bidirectional(lstm, merge_mode="sum", name="one")(x)
    back = layers.SimpleRNN(2, go_backwards=True)
    forth = layers.SimpleRNN(2)
    both = layers.Bidirectional(forth, backward_layer=back, name="two")
    return ends(x, both(y))


@kind(encoder=3)
def states():
    x, z = keras.Input((5, 3)), keras.Input((4, 2))
    _, hidden, cell = layers.LSTM(3, return_state=True, name="encoder")(x)
    y = layers.LSTM(3, name="decoder")(z, initial_state=[hidden, cell])
    return ends([x, z], y)


@kind(embedding=4, lstm=3)
def masked_sequence():
    x = keras.Input((5,), dtype="int32")
    y = layers.Embedding(7, 4, mask_zero=True, name="embedding")(x)
    return ends(x, layers.LSTM(3, name="lstm")(y))


@kind(one=4, two=3)
def convolutional_recurrent():
    x = keras.Input((3, 4, 4, 2))
    y = layers.ConvLSTM2D(4, 3, return_sequences=True, name="one")(x)
    y = layers.ConvLSTM2D(3, 1, name="two")(y)
    return ends(x, y)


@kind(apart=4, together=6)
def einsum_heads():
    x = keras.Input((5, 3))
    y = layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de", name="apart")
    z = layers.EinsumDense("abde,def->abf", (None, 6), bias_axes="f", name="together")
    return ends(x, z(y(x)))


@kind(a=4, b=5)
def einsum_dots():
    x = keras.Input((2, 3))
    y = layers.EinsumDense("...x,xy->...y", 4, bias_axes="y", name="a")(x)
    y = layers.EinsumDense("abc,cd->abd", (None, 5), activation="relu", name="b")(y)
    return ends(x, y)


@kind(a=4)
def mixed_tokens():
    x = keras.Input((5, 3))
    y = layers.Dense(4, name="a")(x)
    y = layers.EinsumDense("abc,bd->adc", (6, 4), bias_axes="d", name="mix")(y)
    y = layers.EinsumDense("abc,c->abc", (6, 4), bias_axes="c", name="scale")(y)
    return ends(x, y)


@kind(a=4, b=4)
def mixed_tokens_by_permutation():
    x = keras.Input((5, 3))
    y = layers.Dense(4, name="a")(x)
    y = layers.Permute((2, 1))(layers.BatchNormalization()(y))
    y = layers.Permute((2, 1))(layers.ReLU()(y))
    y = layers.RepeatVector(3)(layers.Flatten()(layers.Dense(4, name="b")(y)))
    return ends(x, y)


@kind(a=4)
def normalized_by_data():
    x = keras.Input((3,))
    y = layers.Dense(4, name="a")(x)
    layer = layers.Normalization(name="norm")
    made = ends(x, layer(y))
    layer.adapt(np.random.default_rng(0).normal(2.0, 3.0, (9, 4)))
    return made


@kind(a=3, b=4, c=5)
def one_axis():
    x = keras.Input((8, 2))
    y = layers.Conv1D(3, 3, padding="causal", name="a")(x)
    y = layers.DepthwiseConv1D(3, depth_multiplier=2, name="d")(y)
    y = layers.SeparableConv1D(4, 3, name="b")(y)
    y = layers.Conv1DTranspose(5, 3, strides=2, name="c")(y)
    y = layers.UpSampling1D(2)(layers.MaxPooling1D(2)(y))
    return ends(x, layers.GlobalMaxPooling1D(keepdims=True)(y))


@kind(a=3, b=4)
def three_axes():
    x = keras.Input((4, 4, 4, 2))
    y = layers.Conv3D(3, 2, name="a")(x)
    y = layers.Conv3DTranspose(4, 2, name="b")(layers.PReLU()(y))
    y = layers.AveragePooling3D(2)(layers.Cropping3D(1)(layers.ZeroPadding3D(1)(y)))
    return ends(x, layers.GlobalAveragePooling3D()(y))


@kind(a=2, b=2, c=2)
def grouped_twice():
    x = keras.Input(SIZE)
    y = layers.Conv2D(6, 1, name="a")(x)
    y = layers.Conv2D(12, 3, groups=3, activation="relu", name="b")(y)
    y = layers.Conv2D(4, 1, groups=2, name="c")(y)
    return ends(x, y)


@kind(a=4)
def shared_prelu():
    x = keras.Input(SIZE)
    y = layers.Conv2D(4, 1, name="a")(x)
    y = layers.PReLU(shared_axes=[1, 2])(layers.LeakyReLU()(y))
    return ends(x, layers.PReLU(shared_axes=[1, 2, 3])(y))


@kind(each=4, pooled=3)
def each_step():
    x = keras.Input((3, 4, 4, 2))
    y = layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu"), name="each")(x)
    y = layers.TimeDistributed(layers.MaxPooling2D(2))(y)
    y = layers.TimeDistributed(layers.GlobalAveragePooling2D())(y)
    y = layers.TimeDistributed(layers.Dense(3), name="pooled")(y)
    return ends(x, y)


@kind(each=4, conv=4, lstm=3)
def each_step_normalized():
    x = keras.Input((3, 4, 4, 2))
    y = layers.TimeDistributed(layers.Conv2D(4, 3), name="each")(x)
    y = layers.TimeDistributed(layers.BatchNormalization())(y)
    y = layers.TimeDistributed(layers.Conv2D(4, 1), name="conv")(layers.ReLU()(y))
    y = layers.TimeDistributed(layers.BatchNormalization(axis=3))(y)
    y = layers.TimeDistributed(layers.Flatten())(y)
    return ends(x, layers.LSTM(3, name="lstm")(y))


@kind()
def each_step_normalized_over_another_axis():
    """The axis of the channels has the same size as the one that is normalized."""
    x = keras.Input((3, 4, 4, 2))
    y = layers.TimeDistributed(layers.Conv2D(4, 1), name="each")(x)
    y = layers.Permute((1, 2, 4, 3))(y)
    y = layers.TimeDistributed(layers.BatchNormalization(axis=3))(y)
    return ends(x, layers.Permute((1, 2, 4, 3))(y))


@kind(a=4, lstm=3)
def masked_steps():
    """Without a bias and with ReLU, so that some steps are zeros."""
    x = keras.Input((9, 3))
    y = layers.Dense(4, activation="relu", use_bias=False, name="a")(x)
    return ends(x, layers.LSTM(3, name="lstm")(layers.Masking()(y)))


@kind(lstm=3)
def masked_by_another_value():
    x = keras.Input((5, 3))
    y = layers.Masking(1.0)(layers.Dense(4, activation="relu", name="a")(x))
    return ends(x, layers.LSTM(3, name="lstm")(y))


@kind(a=4, b=4)
def moved_axes():
    x = keras.Input((5, 3))
    y = ops.swapaxes(layers.Dense(4, name="a")(x), 1, -1)
    y = ops.moveaxis(ops.tanh(y), 1, 2)
    y = ops.expand_dims(layers.Dense(4, name="b")(y), 1)
    y = ops.moveaxis(y, (1, 3), (2, 1))
    y = ops.moveaxis(ops.sin(y), (2, 1), (1, 3))
    return ends(x, y)


@kind(a=4, b=4)
def turned_and_repeated():
    x = keras.Input((5, 3))
    y = ops.flip(layers.Dense(4, name="a")(x), axis=1)
    y = layers.Dense(4, name="b")(ops.repeat(y, 2, axis=1))
    return ends(x, ops.flip(y, axis=-1))


@kind()
def repeated_channels():
    x = keras.Input((5, 3))
    y = ops.repeat(layers.Dense(4, name="a")(x), 2, axis=-1)
    return ends(x, y)


@kind(a=4, b=4, c=2, d=4)
def normalized_over_channels():
    x = keras.Input(SIZE)
    y = layers.LayerNormalization()(layers.Conv2D(4, 1, name="a")(x))
    y = layers.RMSNormalization()(layers.Conv2D(4, 1, name="b")(y))
    y = layers.GroupNormalization(2)(layers.Conv2D(4, 1, name="c")(y))
    y = layers.GroupNormalization(-1)(layers.Conv2D(4, 1, name="d")(y))
    return ends(x, y)


@kind(
    a=4,
    b=5,
    **{"cross:heads": 2, "cross:key_dim": 3, "cross:value_dim": 4, "cross:output": 6},
)
def attends_to_another():
    x, z = keras.Input((5, 3)), keras.Input((4, 2))
    a, b = layers.Dense(4, name="a")(x), layers.Dense(5, name="b")(z)
    cross = layers.MultiHeadAttention(2, 3, 4, output_shape=6, name="cross")
    return ends([x, z], cross(a, b))


@kind(a=4, b=4)
def attends_without_heads():
    x = keras.Input((5, 3))
    a, v = layers.Dense(4, name="a")(x), layers.Dense(4, name="b")(x)
    y = layers.Attention(use_scale=True)([a, v, a])
    return ends(x, y)


@kind(a=4, b=3)
def attends_by_addition():
    x = keras.Input((5, 3))
    a, v = layers.Dense(4, name="a")(x), layers.Dense(3, name="b")(x)
    return ends(x, layers.AdditiveAttention()([a, v, a]))


@kind(queries=4, values=4)
def attends_by_hand():
    x = keras.Input((5, 3))
    q, k, v = (layers.Dense(8, name=n)(x) for n in ("queries", "keys", "values"))
    q, k, v = (
        ops.transpose(ops.reshape(y, (-1, 5, 2, 4)), (0, 2, 1, 3)) for y in (q, k, v)
    )
    scores = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / 2.0)
    y = ops.transpose(ops.matmul(scores, v), (0, 2, 1, 3))
    return ends(x, ops.reshape(y, (-1, 5, 8)))


@kind(a=4)
def joined_along_time():
    x = keras.Input((5, 3))
    a, b = layers.Dense(4, name="a")(x), layers.Dense(4, name="b")(x)
    return ends(x, layers.Concatenate(axis=1)([a, b, a]))


@kind(a=3, left=2, **{"a:2": 3})
def split_in_two():
    x = keras.Input(SIZE)
    y, z = ops.split(layers.Conv2D(6, 1, name="a")(x), 2, axis=-1)
    y = layers.Dense(2, name="left")(y)
    return ends(x, layers.Concatenate()([layers.ReLU()(z), y]))


@kind(left=3, a=3)
def shuffled_channels():
    x = keras.Input(SIZE)
    y = layers.Conv2D(6, 1, name="a")(layers.Conv2D(3, 1, name="left")(x))
    y = layers.Reshape((4, 4, 2, 3))(y)
    y = layers.Reshape((4, 4, 6))(layers.Permute((1, 2, 4, 3))(y))
    return ends(x, y)


@kind(a=2)
def shuffled_pixels():
    x = keras.Input(SIZE)
    y = layers.Conv2D(8, 1, name="a")(x)
    y = ops.reshape(y, (-1, 4, 4, 2, 2, 2))
    y = ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, 8, 8, 2))
    return ends(x, y)


@kind(a=3, b=4)
def made_into_a_map():
    x = keras.Input((5,))
    y = layers.Dense(12, name="a")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Reshape((2, 2, 3))(y)
    return ends(x, layers.Conv2DTranspose(4, 3, strides=2, name="b")(y))


@kind(before=4)
def group_queries():
    x = keras.Input((5, 3))
    y = layers.Dense(4, name="before")(x)
    y = layers.Dense(4, name="frozen")(y)
    return ends(x, layers.GroupQueryAttention(2, 4, 2, name="gqa")(y, y))


@kind(a=4)
def called_twice():
    x = keras.Input(SIZE)
    y = layers.Conv2D(4, 1, name="a")(x)
    twice = layers.Conv2D(4, 1, name="twice")
    norm = layers.BatchNormalization(name="norm")
    z = norm(twice(y))
    return ends(x, layers.Maximum()([norm(twice(z)), layers.Average()([z, z])]))


@kind(a=4, gate=1)
def gated_by_one():
    x = keras.Input(SIZE)
    y = layers.Conv2D(4, 1, name="a")(x)
    gate = layers.Conv2D(1, 1, activation="sigmoid", name="gate")(y)
    return ends(x, layers.Multiply()([y, gate]))


@kind(a=4)
def dictionaries():
    x = {"left": keras.Input((3,), name="left"), "right": keras.Input((2,), name="r")}
    y = layers.Dense(4, name="a")(x["left"])
    z = layers.Concatenate()([y, x["right"]])
    outputs = {"one": layers.Dense(2, name="one")(z), "two": layers.Dense(1)(y)}
    return model(x, outputs)


@kind(inner=4, outer=3)
def nested():
    x = keras.Input((3,))
    block = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, name="inner"), layers.Dense(3, name="last")]
    )
    y = layers.Dense(3, name="outer")(x)
    return ends(x, block(y) + y)


@kind(a=4)
def spread_and_cut():
    x = keras.Input(SIZE)
    y = layers.Conv2D(4, 1, name="a")(x)
    y = layers.Cropping2D(1)(layers.ZeroPadding2D(2)(y))
    y = layers.Resizing(5, 5)(layers.UpSampling2D(2, interpolation="bilinear")(y))
    y = ops.pad(y, ((0, 0), (1, 0), (0, 1), (0, 0)))
    y = layers.SpatialDropout2D(0.1)(layers.GaussianNoise(0.1)(y))
    y = ops.clip(ops.abs(ops.tanh(y)), 0.0, 0.5) * 2.0 - 1.0
    return ends(x, ops.max(y, axis=(1, 2), keepdims=True))


@kind()
def computed_over_channels():
    x = keras.Input((3,))
    y = layers.Dense(4, name="a")(x)
    z = layers.Dense(4, name="b", activation="softmax")(x)
    u = ops.mean(layers.Dense(3, name="c")(x), axis=-1, keepdims=True)
    v = layers.Dense(4, name="d")(x) * np.ones(4, "float32")
    return ends(x, layers.Concatenate()([layers.Softmax()(y), z, u, v]))


# Kinds of layers that tf_keras lacks.
ONLY_KERAS = ("group_queries", "normalized_over_channels")
