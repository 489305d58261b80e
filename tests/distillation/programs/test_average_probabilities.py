import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

from tests.distillation.programs.conftest import build_small
from tfcompress import keras_compat
from tfcompress.distillation.programs import average_probabilities
from tfcompress.errors import ArgumentError, ModelError


def test_equals_numpy_for_logits_and_probabilities(either_keras, blobs, tmp_path):
    x = blobs[0] * 80  # extreme logits
    models = [build_small(either_keras, name="same") for _ in range(2)]
    models.append(build_small(either_keras, name="same", activation="softmax"))
    outputs = [np.asarray(model(x), np.float64) for model in models]
    expected = (softmax(outputs[0], -1) + softmax(outputs[1], -1) + outputs[2]) / 3
    ensemble = average_probabilities(models)
    np.testing.assert_allclose(np.asarray(ensemble(x)), expected, atol=1e-5)
    np.testing.assert_allclose(np.asarray(ensemble(x[:1])), expected[:1], atol=1e-5)
    ensemble.save(tmp_path / "ensemble.keras")
    again = either_keras.models.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_allclose(np.asarray(again(x)), expected, atol=1e-5)


def test_two_classes_in_one_column(either_keras, blobs):
    models = [
        either_keras.Sequential(
            [either_keras.layers.Input((4,)), either_keras.layers.Dense(1)]
        )
        for _ in range(2)
    ]
    expected = sum(expit(np.asarray(model(blobs[0]))) for model in models) / 2
    ensemble = average_probabilities(models)
    np.testing.assert_allclose(np.asarray(ensemble(blobs[0])), expected, atol=1e-6)


def test_bad_models():
    with pytest.raises(ArgumentError, match=r"models=\[\]"):
        average_probabilities([])
    with pytest.raises(ModelError, match="one Keras"):
        average_probabilities(
            [build_small(keras), build_small(keras_compat.tf_keras())]
        )
    wide = keras.Sequential([keras.Input((4,)), keras.layers.Dense(7)])
    with pytest.raises(ModelError, match="same shape"):
        average_probabilities([build_small(keras), wide])
