"""Every combination of sparse encoding and types that LiteRT is known to get wrong."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.export.sparse_networks import (
    keep_largest,
    keep_largest_blocks,
    keep_two_of_four,
)
from tfcompress.errors import ExportError
from tfcompress.export.sparse.sparse_encoding import check_sparse_encoding
from tfcompress.measurement import LiteRTModel

PATTERNS = {
    "random": lambda kernel: keep_largest(kernel, 0.8),
    "2:4": keep_two_of_four,
    "blocks of 4": lambda kernel: keep_largest_blocks(kernel, 0.9, 4),
    "blocks of 16": lambda kernel: keep_largest_blocks(kernel, 0.9, 16),
}


def build(layer):
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    inputs = tf_keras.Input((4, 4, 64) if layer == "conv" else (64,))
    if layer == "conv":
        x = layers.Conv2D(64, 1, name="pruned")(inputs)
        x = layers.GlobalAveragePooling2D()(x)
    else:
        x = layers.Dense(128, name="pruned")(inputs)
    return tf_keras.Model(inputs, layers.Dense(8, name="scores")(x))


def pruned(layer, pattern):
    model = build(layer)
    kernel, bias = model.get_layer("pruned").get_weights()
    flat = kernel.reshape(-1, kernel.shape[-1])
    new = PATTERNS[pattern](flat).reshape(kernel.shape)
    model.get_layer("pruned").set_weights([new, bias])
    return model


def convert(layer, pattern, types):
    model = pruned(layer, pattern)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    sparsity = tf.lite.Optimize.EXPERIMENTAL_SPARSITY
    converter.optimizations = [sparsity]
    if types != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT, sparsity]
    if types == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if types == "int8":
        shape = (1, *model.input_shape[1:])
        x = np.random.default_rng(0).random((8, *shape)).astype(np.float32)
        converter.representative_dataset = lambda: ([sample] for sample in x)
    return converter.convert()


RIGHT = [
    *[("dense", pattern, "float32") for pattern in PATTERNS],
    ("dense", "random", "float16"),
    ("dense", "blocks of 16", "int8"),
    ("conv", "random", "float32"),
    ("conv", "random", "float16"),
    ("conv", "random", "int8"),
]
WRONG = [
    ("dense", "blocks of 4", "float16"),
    ("dense", "blocks of 16", "float16"),
    *[("dense", pattern, "dynamic") for pattern in PATTERNS],
    ("conv", "random", "dynamic"),
    ("dense", "random", "int8"),
    ("dense", "2:4", "int8"),
]


@pytest.mark.parametrize("combination", RIGHT, ids=" ".join)
def test_combinations_that_are_right(combination, tmp_path):
    content = convert(*combination)
    assert check_sparse_encoding(content)
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    model = pruned(*combination[:2])
    x = np.random.default_rng(1).random((4, *model.input_shape[1:]))
    found = LiteRTModel(path, trusted=True).predict(x.astype(np.float32))
    expected = model(x).numpy()
    error = np.square(found - expected).sum() / np.square(expected).sum()
    assert error < 1e-2


@pytest.mark.parametrize("combination", WRONG, ids=" ".join)
def test_combinations_that_are_wrong_are_refused(combination):
    with pytest.raises(ExportError, match="sparse=False.*pruned"):
        check_sparse_encoding(convert(*combination))
