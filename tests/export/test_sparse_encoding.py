import gzip
import os

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.export.sparse_networks import (
    build_mobile,
    keep_largest,
    keep_largest_blocks,
    keep_two_of_four,
    prune_pointwise,
)
from tests.models import tf_keras_is_slow
from tfcompress.errors import ArgumentError, ExportError
from tfcompress.measurement import count_weights

PATTERNS = {
    "unstructured": lambda kernel: keep_largest(kernel, 0.8),
    "2:4": keep_two_of_four,
    "blocks of 4": lambda kernel: keep_largest_blocks(kernel, 0.9, 4),
    "blocks of 16": lambda kernel: keep_largest_blocks(kernel, 0.9, 16),
}


def build_dense(module, pattern=None):
    layers = module.layers
    module.utils.set_random_seed(0)
    model = module.Sequential(
        [
            module.Input((64,)),
            layers.Dense(128, activation="relu", name="wide"),
            layers.Dense(8, name="scores"),
        ]
    )
    if pattern is not None:
        wide = model.get_layer("wide")
        kernel, bias = wide.get_weights()
        wide.set_weights([PATTERNS[pattern](kernel), bias])
    return model


def samples(shape, count=32):
    return np.random.default_rng(0).random((count, *shape)).astype(np.float32)


@tf_keras_is_slow
@pytest.mark.parametrize("pattern", PATTERNS)
def test_float_file_holds_each_pattern(either_keras, pattern, tmp_path):
    model = build_dense(either_keras, pattern)
    x = samples((64,))
    files = {
        sparse: tfc.export.to_tflite(
            model, tmp_path / f"{sparse}.tflite", target="cpu_float32", sparse=sparse
        )
        for sparse in (False, True)
    }
    np.testing.assert_allclose(
        files[True].predict(x), np.asarray(model(x)), rtol=1e-5, atol=1e-5
    )
    assert count_weights(files[True]) == count_weights(files[False])
    kernel = model.get_layer("wide").get_weights()[0]
    # What is not written: four bytes for each zero. What is written instead: where the
    # others stand, one byte each at the most, and where rows begin.
    saved = 4 * int((kernel == 0).sum()) - int((kernel != 0).sum())
    assert files[False].bytes - files[True].bytes > 0.9 * saved - 1500
    blocks = pattern.startswith("blocks")
    assert ("DENSIFY float32" in files[True].operations) is not blocks


def test_float16_file_holds_zeros_without_blocks(tmp_path):
    model = build_dense(keras, "unstructured")
    files = [
        tfc.export.to_tflite(
            model, tmp_path / f"{sparse}.tflite", target="cpu_float16", sparse=sparse
        )
        for sparse in (False, True)
    ]
    assert files[1].bytes < 0.7 * files[0].bytes
    np.testing.assert_allclose(
        files[0].predict(samples((64,))), files[1].predict(samples((64,))), atol=1e-6
    )


def test_float16_file_with_blocks_is_refused(tmp_path):
    with pytest.raises(ExportError, match="float16 kernel .*wide.*DEQUANTIZE"):
        tfc.export.to_tflite(
            build_dense(keras, "blocks of 4"),
            tmp_path / "model.tflite",
            target="cpu_float16",
            sparse=True,
        )
    assert os.listdir(tmp_path) == []


def test_full_integer_file_with_blocks_of_sixteen(tmp_path):
    model = build_dense(keras, "blocks of 16")
    x = samples((64,))
    files = [
        tfc.export.to_tflite(
            model,
            tmp_path / f"{sparse}.tflite",
            target="cpu_int8_float_io",
            representative_data=x,
            sparse=sparse,
        )
        for sparse in (False, True)
    ]
    assert files[1].bytes < 0.6 * files[0].bytes
    errors = [file.verification.relative_error for file in files]
    assert errors[1] <= errors[0] + 0.02
    assert count_weights(files[1]).zeros == count_weights(files[0]).zeros


@pytest.mark.parametrize("pattern", ["unstructured", "2:4"])
def test_full_integer_file_with_other_zeros_in_dense_is_refused(pattern, tmp_path):
    with pytest.raises(ExportError, match="blocks of 16.*wide"):
        tfc.export.to_tflite(
            build_dense(keras, pattern),
            tmp_path / "model.tflite",
            representative_data=samples((64,)),
            sparse=True,
        )


@pytest.mark.slow
def test_full_integer_file_with_sparse_convolutions(tmp_path):
    model = build_mobile(keras, width=64)
    prune_pointwise(model, 0.8)
    files = [
        tfc.export.to_tflite(
            model,
            tmp_path / f"{sparse}.tflite",
            representative_data=samples((32, 32, 3), 8),
            sparse=sparse,
        )
        for sparse in (False, True)
    ]
    assert files[1].operations["DENSIFY int8"] >= 1
    assert files[1].bytes < files[0].bytes
    np.testing.assert_array_equal(
        files[0].predict(samples((32, 32, 3), 4)),
        files[1].predict(samples((32, 32, 3), 4)),
    )


@tf_keras_is_slow
def test_sparse_convolutions_in_float(either_keras, tmp_path):
    model = build_mobile(either_keras, width=32)
    prune_pointwise(model, 0.9)
    x = samples((32, 32, 3), 4)
    files = [
        tfc.export.to_tflite(
            model, tmp_path / f"{sparse}.tflite", target="cpu_float32", sparse=sparse
        )
        for sparse in (False, True)
    ]
    np.testing.assert_allclose(files[1].predict(x), np.asarray(model(x)), atol=1e-5)
    assert files[1].bytes < 0.75 * files[0].bytes
    packed = [len(gzip.compress(file.path.read_bytes())) for file in files]
    assert packed[1] < 1.1 * packed[0]


def test_a_file_that_phones_would_get_wrong_is_refused(tmp_path):
    model = build_mobile(keras, width=32, head="convolution")
    prune_pointwise(model, 0.9)
    with pytest.raises(ExportError, match="sparse_ready.*head_convolution"):
        tfc.export.to_tflite(
            model, tmp_path / "model.tflite", target="cpu_float32", sparse=True
        )
    artifact = tfc.export.to_tflite(
        model, tmp_path / "model.tflite", target="cpu_float32"
    )
    assert artifact.verification.relative_error < 1e-5


def test_a_model_without_zeros_is_said(tmp_path):
    with pytest.warns(UserWarning, match="zeros enough"):
        tfc.export.to_tflite(
            build_dense(keras), tmp_path / "m.tflite", target="cpu_float32", sparse=True
        )


def test_int16_activations_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="target='cpu_int16x8', sparse=True"):
        tfc.export.to_tflite(
            build_dense(keras, "2:4"),
            tmp_path / "m.tflite",
            target="cpu_int16x8",
            sparse=True,
        )
