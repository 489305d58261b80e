import hashlib
import pathlib

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress import measurement
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


@pytest.mark.parametrize(
    "measure",
    [
        measurement.benchmark,
        measurement.latency,
        measurement.operation_profile,
        measurement.LiteRTModel,
        measurement.size,
    ],
)
def test_what_takes_files_sends_models_to_export(measure, dense_model):
    with pytest.raises(ArgumentError, match=r"export\.to_tflite first"):
        measure(dense_model)


class Account:
    """Stands for an `Artifact`: a path, and the fingerprint of the file."""

    def __init__(self, path):
        self.path = path
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def __fspath__(self):
        return str(self.path)


@pytest.mark.parametrize(
    "measure",
    [
        path_of,
        measurement.LiteRTModel,
        measurement.inspect,
        measurement.size,
        lambda file: measurement.benchmark([file], seconds=0.01),
        lambda file: measurement.evaluate(file, (np.ones((2, 2)), np.zeros(2))),
    ],
)
def test_the_account_of_another_file(measure, tmp_path, dense_files):
    path = tmp_path / "a.tflite"
    path.write_bytes(dense_files["fixed"].read_bytes())
    account = Account(path)
    measure(account)
    path.write_bytes(dense_files["int8"].read_bytes())
    with pytest.raises(ModelError, match=r"replaced since.*Artifact\.read"):
        measure(account)
    measure(path)
