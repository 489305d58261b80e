"""Functional models made of a plan, which is a list of numbers.

A step of a plan is `(tensor, layer, setting)`: which of the tensors so far, which of
the layers that fit it, and with which setting. Numbers count around, so any plan is a
model.
"""

import keras
import tensorflow as tf

ACTIVATIONS = ("relu", "linear", "hard_sigmoid", "gelu", "softplus", "swish", "tanh")


def make_model(module, plan, *, shapes=((8, 8, 4),), structure=0):
    """Builds the model of a plan in one Keras."""
    maker = _Maker(module)
    inputs = [module.Input(shape, name=f"in{i}") for i, shape in enumerate(shapes)]
    tensors = list(inputs)
    for which, layer, setting in plan:
        x = tensors[which % len(tensors)]
        fitting = maker.fitting(x, tensors)
        tensors.append(fitting[layer % len(fitting)](x, setting))
    unused = [t for t in tensors[len(inputs) :] if all(t is not i for i in inputs)]
    outputs = unused[-1 - structure % 3 :] or tensors[-1:]
    arranged = [
        outputs[-1],
        outputs,
        {f"out{i}": tensor for i, tensor in enumerate(outputs)},
    ][structure % 3]
    return module.Model(
        inputs if len(inputs) > 1 else inputs[0], arranged, name="random"
    )


class _Maker:
    """Calls layers of one Keras."""

    def __init__(self, module):
        self.module = module
        self.layers = module.layers
        self.shared = {}

    def fitting(self, x, tensors):
        """The functions that take a tensor of this shape."""
        methods = [
            self.activation,
            self.arithmetic,
            self.batch_normalization,
            self.dense,
            self.dropout,
            self.layer_normalization,
            self.nested,
            self.shared_dense,
            self.slice,
            self.total,
        ]
        methods += {
            2: [self.sequence, self.softmax],
            3: [
                self.attention,
                self.bidirectional,
                self.convolution_1d,
                self.pool_1d,
                self.recurrent,
                self.split,
                self.time_distributed,
            ],
            4: [
                self.convolution,
                self.depthwise,
                self.flatten_space,
                self.pad,
                self.pool,
                self.prelu,
                self.resize,
                self.separable,
                self.transposed,
            ],
        }[len(x.shape)]
        same = [t for t in tensors if tuple(t.shape) == tuple(x.shape)]
        if len(same) > 1:
            methods.append(
                lambda x, setting: self.merge(x, same[setting % len(same)], setting)
            )
        return methods

    def activation(self, x, setting):
        return self.layers.Activation(ACTIVATIONS[setting % len(ACTIVATIONS)])(x)

    def arithmetic(self, x, setting):
        return [lambda: 2.0 * x - 1.0, lambda: x / 3.0 + x, lambda: -x * x][
            setting % 3
        ]()

    def batch_normalization(self, x, setting):
        return self.layers.BatchNormalization(scale=setting % 2 == 0)(x)

    def dense(self, x, setting):
        name = ACTIVATIONS[setting % len(ACTIVATIONS)]
        return self.layers.Dense(3 + setting % 2, activation=name)(x)

    def dropout(self, x, setting):
        kinds = (
            self.layers.Dropout,
            self.layers.GaussianNoise,
            self.layers.AlphaDropout,
        )
        return kinds[setting % 3](0.3)(x)

    def layer_normalization(self, x, setting):
        return self.layers.LayerNormalization(center=setting % 2 == 0)(x)

    def nested(self, x, setting):
        inner = self.module.Input(x.shape[1:])
        y = self.layers.Dense(x.shape[-1], activation="tanh")(inner)
        model = self.module.Model(inner, y + inner if setting % 2 else y)
        model.trainable = setting % 3 > 0
        return model(model(x)) if setting % 5 == 0 else model(x)

    def shared_dense(self, x, setting):
        key = (x.shape[-1], setting % 2)
        if key not in self.shared:
            self.shared[key] = self.layers.Dense(x.shape[-1])
        return self.shared[key](x)

    def slice(self, x, setting):
        return x[:, ::2] if setting % 2 and x.shape[1] > 1 else x[..., -2:]

    def total(self, x, setting):
        axis, keep = (
            1 + setting % (len(x.shape) - 1),
            len(x.shape) == 2 or setting % 2 == 0,
        )
        if self.module is keras:
            return keras.ops.sum(x, axis=axis, keepdims=keep)
        return tf.reduce_sum(x, axis=axis, keepdims=keep)

    def merge(self, x, y, setting):
        kinds = ("Add", "Multiply", "Maximum", "Average", "Concatenate", "Subtract")
        return getattr(self.layers, kinds[setting % len(kinds)])()([x, y])

    def sequence(self, x, setting):
        if setting % 2:
            return self.layers.RepeatVector(3)(x)
        return self.layers.Reshape((-1, 1))(x)

    def softmax(self, x, setting):
        return self.layers.Softmax()(x)

    def attention(self, x, setting):
        layer = self.layers.MultiHeadAttention(1 + setting % 2, 3, dropout=0.1)
        return layer(x, x, use_causal_mask=setting % 3 == 0)

    def bidirectional(self, x, setting):
        inner = self.layers.GRU(2, return_sequences=setting % 2 == 0)
        return self.layers.Bidirectional(
            inner, merge_mode="sum" if setting % 3 else "concat"
        )(x)

    def convolution_1d(self, x, setting):
        return self.layers.Conv1D(3, 2, padding=("causal", "same")[setting % 2])(x)

    def pool_1d(self, x, setting):
        kinds = (self.layers.GlobalAveragePooling1D, self.layers.GlobalMaxPooling1D)
        return kinds[setting % 2](keepdims=setting % 3 == 0)(x)

    def recurrent(self, x, setting):
        kinds = (self.layers.LSTM, self.layers.GRU, self.layers.SimpleRNN)
        return kinds[setting % 3](3, return_sequences=setting % 2 == 0)(x)

    def split(self, x, setting):
        if self.module is keras:
            return keras.ops.split(x, x.shape[-1], axis=-1)[setting % x.shape[-1]]
        return tf.split(x, x.shape[-1], axis=-1)[setting % x.shape[-1]]

    def time_distributed(self, x, setting):
        return self.layers.TimeDistributed(self.layers.Dense(3))(x)

    def convolution(self, x, setting):
        return self.layers.Conv2D(
            4,
            1 + setting % 3,
            strides=1 + setting % 2,
            padding="same",
            use_bias=setting % 2 == 0,
            activation=ACTIVATIONS[setting % len(ACTIVATIONS)],
            kernel_regularizer="l2" if setting % 3 == 0 else None,
        )(x)

    def depthwise(self, x, setting):
        layer = self.layers.DepthwiseConv2D(
            3, padding="same", depth_multiplier=1 + setting % 2
        )
        return layer(x)

    def flatten_space(self, x, setting):
        if setting % 2:
            return self.layers.GlobalAveragePooling2D()(x)
        return self.layers.Reshape((-1, x.shape[-1]))(x)

    def pad(self, x, setting):
        return self.layers.ZeroPadding2D(((0, 1), (1, setting % 3)))(x)

    def pool(self, x, setting):
        kinds = (self.layers.MaxPooling2D, self.layers.AveragePooling2D)
        return kinds[setting % 2](2, padding="same")(x)

    def prelu(self, x, setting):
        if setting % 2:
            return self.layers.LeakyReLU(0.2)(x)
        return self.layers.PReLU(shared_axes=[1, 2])(x)

    def resize(self, x, setting):
        if setting % 2:
            return self.layers.Resizing(5, 6)(x)
        return self.layers.UpSampling2D(2, interpolation="bilinear")(x)

    def separable(self, x, setting):
        return self.layers.SeparableConv2D(3, 3, padding="same")(x)

    def transposed(self, x, setting):
        return self.layers.Conv2DTranspose(2, 3, strides=1 + setting % 2)(x)
