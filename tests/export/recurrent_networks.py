"""Small networks with recurrent layers of every kind, and what is fed to them."""

import numpy as np


def build_recurrent(module, kind, *, steps=5):
    """Builds a classifier of three classes of a kind in `RECURRENT`."""
    inputs, outputs = RECURRENT[kind](module, module.layers, steps)
    return module.Model(inputs, module.layers.Dense(3, name="scores")(outputs))


def make_samples(model, count):
    """Makes inputs of a model: whole numbers below 9, or real ones of a spread of 1.

    The last steps of the first half are zero, as those that Masking leaves out.
    """
    generator = np.random.default_rng(0)
    shape = (count, *model.inputs[0].shape[1:])
    if "int" in str(model.inputs[0].dtype):
        x = generator.integers(1, 9, shape).astype(np.int32)
    else:
        x = generator.normal(size=shape).astype(np.float32)
    x[: count // 2, -2:] = 0
    return x


def _plain(name, **arguments):
    def build(module, layers, steps):
        x = layers.Input((steps, 4))
        return x, getattr(layers, name)(6, **arguments)(x)

    return build


def _bidirectional(name):
    def build(module, layers, steps):
        x = layers.Input((steps, 4))
        return x, layers.Bidirectional(getattr(layers, name)(6))(x)

    return build


def _stacked(module, layers, steps):
    x = layers.Input((steps, 4))
    y = layers.LSTM(6, return_sequences=True)(x)
    return x, layers.GRU(6)(y)


def _sequences(module, layers, steps):
    x = layers.Input((steps, 4))
    y = layers.TimeDistributed(layers.Dense(5))(layers.GRU(6, return_sequences=True)(x))
    return x, layers.Flatten()(y)


def _masked(name):
    def build(module, layers, steps):
        x = layers.Input((steps, 4))
        return x, getattr(layers, name)(6)(layers.Masking()(x))

    return build


def _masked_tokens(module, layers, steps):
    x = layers.Input((steps,), dtype="int32")
    y = layers.Embedding(9, 4, mask_zero=True, embeddings_initializer="normal")(x)
    return x, layers.GRU(6)(layers.Rescaling(20.0)(y))


def _cells(module, layers, steps):
    x = layers.Input((steps, 4))
    return x, layers.RNN([layers.LSTMCell(6), layers.GRUCell(5)])(x)


def _convolutional(module, layers, steps):
    x = layers.Input((steps, 5, 5, 2))
    return x, layers.Flatten()(layers.ConvLSTM2D(3, 3, padding="same")(x))


def _video(module, layers, steps):
    x = layers.Input((steps, 8, 8, 1))
    parts = [
        layers.Input((8, 8, 1)),
        layers.Conv2D(6, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
    ]
    return x, layers.LSTM(6)(layers.TimeDistributed(module.Sequential(parts))(x))


def _nested(module, layers, steps):
    x = layers.Input((steps, 4))
    inner = module.Sequential([layers.Input((steps, 4)), layers.GRU(6)])
    return x, inner(x)


def _state_handed_on(module, layers, steps):
    x = layers.Input((steps, 4))
    _, *state = layers.LSTM(6, return_state=True)(x)
    return x, layers.LSTM(6)(x, initial_state=state)


RECURRENT = {
    "LSTM": _plain("LSTM"),
    "GRU": _plain("GRU"),
    "SimpleRNN": _plain("SimpleRNN"),
    "GRU backwards": _plain("GRU", go_backwards=True),
    "GRU reset before": _plain("GRU", reset_after=False),
    "Bidirectional LSTM": _bidirectional("LSTM"),
    "Bidirectional GRU": _bidirectional("GRU"),
    "stacked": _stacked,
    "sequences": _sequences,
    "masked LSTM": _masked("LSTM"),
    "masked GRU": _masked("GRU"),
    "masked tokens": _masked_tokens,
    "cells": _cells,
    "ConvLSTM2D": _convolutional,
    "video": _video,
    "nested": _nested,
    "state handed on": _state_handed_on,
}
