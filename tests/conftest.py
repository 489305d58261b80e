"""Small data and small models for every room."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.models import build_classifier, train_in_own_keras
from tfcompress import keras_compat


@pytest.fixture(scope="session")
def digits():
    """600 digits to train on and 300 to test on, from 0 to 1."""
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    return (images[:600], labels[:600]), (images[600:900], labels[600:900])


@pytest.fixture(scope="session", params=["keras", "tf_keras"])
def either_keras(request):
    """Each Keras module in turn."""
    return {"keras": keras_compat.keras, "tf_keras": keras_compat.tf_keras}[
        request.param
    ]()


@pytest.fixture(scope="session")
def teacher(digits):
    """A trained Keras 3 teacher."""
    keras.utils.set_random_seed(0)
    model = build_classifier(keras, width=24, name="teacher")
    train_in_own_keras(keras, model, digits[0], epochs=6)
    return model


@pytest.fixture(scope="session")
def trained(either_keras, digits):
    """A trained classifier of each Keras in turn. Tests must not change it."""
    either_keras.utils.set_random_seed(1)
    model = build_classifier(either_keras, name="trained")
    train_in_own_keras(either_keras, model, digits[0], epochs=6)
    return model
