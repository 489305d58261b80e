"""Layers as products of matrices, against what Keras computes."""

import keras
import numpy as np
import pytest

from tfcompress.keras_compat import read
from tfcompress.quantization.kernel_rows import (
    count_rows,
    kernel_matrix,
    sample_rows,
    write_matrix,
)

layers = keras.layers
LAYERS = [
    (layers.Dense(5), (4,)),
    (layers.Dense(5), (3, 2, 4)),
    (layers.Conv1D(5, 3, strides=2, padding="same"), (8, 4)),
    (layers.Conv1D(5, 3, dilation_rate=2, padding="causal"), (8, 4)),
    (layers.Conv2D(5, (3, 2)), (7, 8, 4)),
    (layers.Conv2D(5, 3, strides=2, padding="same"), (7, 8, 4)),
    (layers.Conv2D(6, 3, groups=2, padding="same", dilation_rate=2), (7, 8, 4)),
    (layers.Conv2D(5, 1, strides=3, padding="same"), (7, 8, 4)),
    (layers.Conv3D(2, 2, strides=(1, 2, 1)), (3, 4, 4, 2)),
    (layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), (8, 4)),
    (layers.DepthwiseConv2D(3, strides=2, padding="same"), (7, 8, 4)),
    (layers.DepthwiseConv2D((2, 3), depth_multiplier=3), (7, 8, 4)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=range(len(LAYERS)))
def test_rows_times_matrix_is_what_the_layer_makes(layer, shape):
    model = keras.Sequential([keras.Input(shape), layer])
    random = np.random.default_rng(0)
    x = random.normal(size=(2, *shape)).astype(np.float32)
    plain = read(model).layers[layer.name]
    expected = np.asarray(model(x)).reshape(-1, model.output_shape[-1])
    assert count_rows(plain, x.shape) == len(expected)
    chosen = random.permutation(len(expected))[:9]
    rows, matrix = sample_rows(plain, x, chosen), kernel_matrix(plain)
    made = np.einsum("ngk,gko->ngo", rows, matrix).reshape(len(chosen), -1)
    np.testing.assert_allclose(made, expected[chosen], atol=1e-5)
    back = write_matrix(plain, matrix)
    np.testing.assert_array_equal(back.weight("kernel"), plain.weight("kernel"))
