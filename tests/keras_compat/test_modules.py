import subprocess
import sys

import keras
import pytest
import tf_keras

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat.modules import check_backend, module

TFMOT = """
import os
import tensorflow as tf
{first}
before, environment = vars(tf)["keras"], dict(os.environ)
from tfcompress import keras_compat
tfmot = keras_compat.tfmot()
assert vars(tf)["keras"] is before
assert dict(os.environ) == environment
assert issubclass(tf.keras.Model, keras_compat.{owner}().Model)
legacy = keras_compat.tf_keras()
model = legacy.Sequential([legacy.Input((4,)), legacy.layers.Dense(2)])
tfmot.sparsity.keras.prune_low_magnitude(model)
tfmot.quantization.keras.quantize_model(model)
assert dict(os.environ) == environment
"""


@pytest.mark.parametrize(
    ("first", "owner"),
    [
        ("", "keras"),
        ("tf.keras.layers.Dense(1)", "keras"),
        pytest.param(
            "os.environ['TF_USE_LEGACY_KERAS'] = '0'", "keras", marks=pytest.mark.slow
        ),
        pytest.param(
            "os.environ['TF_USE_LEGACY_KERAS'] = '1'",
            "tf_keras",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["untouched", "touched before", "set to 0", "set to 1"],
)
def test_tfmot_leaves_the_process_as_it_was(first, owner):
    code = TFMOT.format(first=first, owner=owner)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_importing_loads_neither_tensorflow_nor_keras():
    code = (
        "import sys, tfcompress.keras_compat\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'tensorflow_model_optimization'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_modules_are_the_two_kerases():
    assert keras_compat.keras() is keras
    assert keras_compat.tf_keras() is tf_keras
    assert keras_compat.keras_of(keras.Sequential()) is keras
    assert keras_compat.keras_of(tf_keras.Sequential()) is tf_keras
    assert keras_compat.is_tf_keras(tf_keras.Sequential())
    assert not keras_compat.is_tf_keras(keras.Sequential())
    assert keras_compat.is_model(tf_keras.Sequential())
    assert not keras_compat.is_model(keras.layers.Dense(1))


def test_other_names_and_objects_are_errors():
    with pytest.raises(ArgumentError, match="keras='keras2'"):
        module("keras2")
    with pytest.raises(ModelError, match=r"builtins\.int"):
        keras_compat.keras_of(3)


def test_other_backends_are_errors():
    check_backend("tensorflow")
    with pytest.raises(ModelError, match=r'KERAS_BACKEND="tensorflow".*jax'):
        check_backend("jax")
