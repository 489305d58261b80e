"""Small models and the files made of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

KERNEL = np.array([[1.0, -1.0, 0.5], [2.0, 0.0, -0.5]], np.float32)
BIAS = np.array([0.25, 0.5, -0.25], np.float32)


def dense(batch_size=None):
    """A model that computes x @ KERNEL + BIAS."""
    inputs = keras.Input((2,), batch_size=batch_size, name="x")
    model = keras.Model(inputs, keras.layers.Dense(3, name="d")(inputs), name="dense")
    model.layers[-1].set_weights([KERNEL, BIAS])
    return model


def convert(model, *, samples=None, stored=None, optimizations=()):
    """The bytes of a file; full-integer if there are samples."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = list(optimizations)
    if samples is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = stored or tf.float32
        converter.inference_output_type = stored or tf.float32
    return converter.convert()


@pytest.fixture(scope="session")
def samples():
    return np.random.default_rng(0).uniform(-1, 1, (37, 2)).astype(np.float32)


@pytest.fixture(scope="session")
def expected(samples):
    return samples @ KERNEL + BIAS


@pytest.fixture(scope="session")
def dense_model():
    return dense()


@pytest.fixture(scope="session")
def dense_files(tmp_path_factory, samples):
    """One model as files of every kind: fixed and free batch, float and integer."""
    folder = tmp_path_factory.mktemp("dense")
    contents = {
        "fixed": convert(dense(1)),
        "four": convert(dense(4)),
        "free": convert(dense()),
        "float_ends": convert(dense(1), samples=samples),
        "int8": convert(dense(1), samples=samples, stored=tf.int8),
        "uint8": convert(dense(1), samples=samples, stored=tf.uint8),
    }
    for name, content in contents.items():
        (folder / f"{name}.tflite").write_bytes(content)
    return {name: folder / f"{name}.tflite" for name in contents}


@pytest.fixture(scope="session")
def make_file(tmp_path_factory):
    """Writes a Keras model as a file and returns the path."""
    folder = tmp_path_factory.mktemp("files")

    def write(model, name, **arguments):
        path = folder / f"{name}.tflite"
        path.write_bytes(convert(model, **arguments))
        return path

    return write
