import keras
import numpy as np
import pytest

from tfcompress.errors import ModelError
from tfcompress.measurement import Predictions, agreement
from tfcompress.measurement.agreement import share_agreement


def chosen(*classes):
    return Predictions(np.eye(3, dtype=np.float32)[list(classes)], None)


def test_share_by_hand():
    assert share_agreement(chosen(0, 1, 2, 2), chosen(0, 1, 2, 0)) == 0.75
    assert share_agreement(chosen(0, 1), chosen(0, 1)) == 1.0


def test_one_output_agrees_with_two():
    one = Predictions(np.array([[0.1], [0.9], [0.8]], np.float32), None)
    two = Predictions(np.array([[3, 1], [0, 4], [2, 1]], np.float32), None)
    assert share_agreement(one, two) == pytest.approx(2 / 3)


def test_model_agrees_with_its_file(dense_model, dense_files, samples):
    assert float(agreement(dense_model, dense_files["fixed"], samples)) == 1.0


def test_other_classes(dense_model, samples):
    inputs = keras.Input((2,))
    other = keras.Model(inputs, keras.layers.Dense(4)(inputs))
    with pytest.raises(ModelError, match="one with 3 classes, one with 4"):
        agreement(dense_model, other, samples)
