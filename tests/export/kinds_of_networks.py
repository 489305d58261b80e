"""A small network of each kind that users have, and what is fed to it."""

import numpy as np


def build_kind(module, kind):
    """Builds a network of a kind in `KINDS`, with weights drawn from a fixed seed."""
    module.utils.set_random_seed(0)
    return KINDS[kind](module, module.layers)


def make_inputs(model, count=24):
    """Makes inputs of a model by name; open sizes become 12."""
    generator = np.random.default_rng(0)
    arrays = {}
    for tensor in model.inputs:
        shape = (count, *(size or 12 for size in tensor.shape[1:]))
        values = generator.normal(size=shape).astype(np.float32)
        if "int" in str(tensor.dtype):
            values = generator.integers(0, 20, shape).astype(np.int32)
        arrays[tensor.name.split(":")[0]] = values
    return arrays


def _recurrent(name):
    def build(module, layers):
        x = layers.Input((5, 4), name="sequence")
        return module.Model(x, layers.Dense(4)(getattr(layers, name)(8)(x)))

    return build


def _bidirectional(module, layers):
    x = layers.Input((5, 4), name="sequence")
    return module.Model(x, layers.Dense(4)(layers.Bidirectional(layers.LSTM(6))(x)))


def _convolutional_lstm(module, layers):
    x = layers.Input((4, 6, 6, 2), name="video")
    y = layers.ConvLSTM2D(4, 3, padding="same")(x)
    return module.Model(x, layers.Dense(4)(layers.GlobalAveragePooling2D()(y)))


def _transformer(module, layers):
    tokens = layers.Input((8,), dtype="int32", name="tokens")
    x = layers.Embedding(20, 16, embeddings_initializer="he_normal")(tokens)
    for _ in range(2):
        y = layers.MultiHeadAttention(2, 8)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, y]))
        y = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    return module.Model(tokens, layers.Dense(4)(layers.GlobalAveragePooling1D()(x)))


def _u_net(module, layers):
    image = layers.Input((16, 16, 3), name="image")
    first = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D()(first)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(8, 2, strides=2)(x)
    x = layers.Concatenate()([x, first])
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return module.Model(image, layers.Conv2D(3, 1)(x))


def _two_inputs(module, layers):
    image = layers.Input((8, 8, 1), name="image")
    facts = layers.Input((5,), name="facts")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image))
    return module.Model(
        [image, facts], layers.Dense(4)(layers.Concatenate()([x, facts]))
    )


def _two_outputs(module, layers):
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(image))
    outputs = [layers.Dense(4, name="which")(x), layers.Dense(1, name="amount")(x)]
    return module.Model(image, outputs)


def _nested(module, layers):
    inner = [layers.Input((8, 8, 4)), layers.Conv2D(4, 3, activation="relu")]
    tower = module.Sequential([*inner, layers.BatchNormalization(), layers.Flatten()])
    image = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same")(image)
    return module.Model(image, layers.Dense(4)(tower(x)))


def _open_image(module, layers):
    image = layers.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu")(image)
    x = layers.DepthwiseConv2D(3, strides=2)(x)
    return module.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def _open_sequence(module, layers):
    sequence = layers.Input((None, 4), name="sequence")
    x = layers.Conv1D(8, 3, padding="same", activation="relu")(sequence)
    return module.Model(sequence, layers.Dense(4)(layers.GlobalAveragePooling1D()(x)))


KINDS = {
    "LSTM": _recurrent("LSTM"),
    "GRU": _recurrent("GRU"),
    "Bidirectional": _bidirectional,
    "ConvLSTM": _convolutional_lstm,
    "Transformer": _transformer,
    "U-Net": _u_net,
    "two inputs": _two_inputs,
    "two outputs": _two_outputs,
    "nested": _nested,
    "open image": _open_image,
    "open sequence": _open_sequence,
}
