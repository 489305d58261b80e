import keras
import numpy as np
import pytest

import tfcompress as tfc
from tfcompress.errors import ModelError
from tfcompress.export import find_partitions
from tfcompress.export.verification.partitions import accelerated_share

layers = keras.layers


def convolutions():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))


def export(model, path, target, data=None):
    return tfc.export.to_tflite(
        model, path, target=target, representative_data=data
    ).path.read_bytes()


@pytest.mark.parametrize("target", ["cpu_float32", "cpu_float16"])
def test_float_convolutions_are_one_part(target, tmp_path):
    content = export(convolutions(), tmp_path / "m.tflite", target)
    parts = find_partitions(content)
    assert parts.count == 1
    assert parts.operations == parts.multiply_adds == 1.0
    assert parts.outside == {}
    assert accelerated_share(content) == 1.0


def test_int8_softmax_stays_outside(tmp_path):
    x = np.random.default_rng(0).random((8, 6, 6, 3), np.float32)
    content = export(convolutions(), tmp_path / "m.tflite", "cpu_int8", x)
    parts = find_partitions(content)
    assert parts.count == 1
    # CONV_2D, MEAN and FULLY_CONNECTED of four.
    assert parts.operations == 0.75
    assert parts.multiply_adds == 1.0
    assert parts.outside == {"SOFTMAX": 1}


def test_int16_activations_are_not_accelerated(tmp_path):
    x = np.random.default_rng(0).random((8, 6, 6, 3), np.float32)
    content = export(convolutions(), tmp_path / "m.tflite", "cpu_int16x8", x)
    parts = find_partitions(content)
    assert (parts.count, parts.operations, parts.multiply_adds) == (0, 0.0, 0.0)
    assert parts.outside["CONV_2D"] == 1


def test_an_operation_in_the_middle_parts_the_file(tmp_path):
    inputs = keras.Input((6, 6, 3))
    x = layers.Reshape((6, 6, 3, 1))(layers.Conv2D(3, 1)(inputs))
    x = layers.Reshape((4, 4, 2))(layers.Conv3D(2, 3)(x))
    model = keras.Model(inputs, layers.Conv2D(2, 1)(x))
    parts = find_partitions(export(model, tmp_path / "m.tflite", "cpu_float32"))
    assert parts.count == 2
    assert parts.outside == {"CONV_3D": 1}
    # 36 pixels of 3 x 3, and 16 of 2 x 2; 16 of 27 products for 2 channels.
    inside, outside = 36 * 9 + 16 * 4, 16 * 27 * 2
    assert parts.multiply_adds == pytest.approx(inside / (inside + outside))


def test_loops_stay_outside(tmp_path):
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, layers.GRU(4)(inputs))
    parts = find_partitions(export(model, tmp_path / "m.tflite", "cpu_float32"))
    assert parts.outside["WHILE"] == 1
    assert parts.outside["FULLY_CONNECTED"] >= 2
    assert parts.multiply_adds < 0.5


def test_a_file_that_cannot_be_loaded():
    with pytest.raises(ModelError, match="damaged.*7 bytes"):
        find_partitions(b"nothing")
    assert accelerated_share(b"nothing") is None
