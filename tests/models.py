"""Small models, and how tests train them."""

import keras
import pytest

tf_keras_is_slow = pytest.mark.parametrize(
    "either_keras",
    ["keras", pytest.param("tf_keras", marks=pytest.mark.slow)],
    indirect=True,
)
"""For tests that take long: of the two Kerases, Keras 3 alone is in the fast set."""


def build_classifier(module, *, width=8, name="classifier", activation=None):
    """A convolutional classifier of digits, with normalization and a residual."""
    layers = module.layers
    inputs = layers.Input((8, 8, 1), name="image")
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name="conv1")(inputs)
    x = layers.BatchNormalization(momentum=0.9, name="norm1")(x)
    x = layers.ReLU(name="relu1")(x)
    y = layers.Conv2D(width, 3, padding="same", use_bias=False, name="conv2")(x)
    y = layers.BatchNormalization(momentum=0.9, name="norm2")(y)
    x = layers.ReLU(name="relu2")(layers.Add(name="add")([x, y]))
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(10, activation=activation, name="logits")(x)
    return module.Model(inputs, outputs, name=name)


def train(model, data, *, epochs=3, callbacks=()):
    """Trains a model, or a distiller, with objects of Keras 3."""
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(*data, epochs=epochs, verbose=0, callbacks=list(callbacks))


def train_in_own_keras(module, model, data, *, epochs=3):
    """Trains a user's model with objects of its own Keras."""
    model.compile(
        module.optimizers.Adam(3e-3),
        loss=module.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model.fit(*data, epochs=epochs, verbose=0)
