"""Models that hand on what they are given: files without any operation."""

import keras
import numpy as np
import pytest

import tfcompress as tfc


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, keras.layers.Identity()(inputs))


# With int8 at the door there is nothing in the model that could be converted.
@pytest.mark.parametrize("target", ["cpu_float32", "cpu_float16", "cpu_int16x8"])
def test_models_without_operations(model, tmp_path, target):
    x = np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32)
    file = tfc.export.to_tflite(
        model, tmp_path / "same.tflite", target=target, representative_data=x
    )
    stored = tfc.measurement.LiteRTModel(file)
    np.testing.assert_allclose(stored.predict(x), x, atol=0.02)
    assert tfc.measurement.inspect(file).multiply_adds == 0
    assert tfc.measurement.profile(file).multiply_adds == 0
    assert tfc.measurement.count_weights(file).parameters == 0
    assert tfc.export.find_partitions(file.path.read_bytes()).count == 0
