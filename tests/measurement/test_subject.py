import pathlib

import keras
import pytest
import tf_keras

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.measurement.files.subject import path_of


@pytest.mark.parametrize("name", ["a.tflite", pathlib.Path("a.tflite")])
def test_paths(name):
    assert path_of(name) == pathlib.Path("a.tflite")


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_models_of_both_kerases(library):
    inputs = library.Input((2,))
    assert path_of(library.Model(inputs, library.layers.Dense(1)(inputs))) is None


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_model_without_weights_yet(library):
    model = library.Sequential([library.layers.Dense(1)])
    with pytest.raises(ModelError, match=r"no weights yet.*not built"):
        path_of(model)


@pytest.mark.parametrize("other", [None, 3, b"TFL3"])
def test_anything_else(other):
    with pytest.raises(
        ArgumentError, match=f"Received: builtins.{type(other).__name__}"
    ):
        path_of(other)
