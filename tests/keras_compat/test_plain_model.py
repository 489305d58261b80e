import keras
import numpy as np
import pytest
import tf_keras

import tfcompress as tfc
from tfcompress.keras_compat import plain_model

LAYERS = {
    "last axis": lambda: keras.layers.LayerNormalization(epsilon=1e-2),
    "two axes": lambda: keras.layers.LayerNormalization(axis=[1, 3]),
    "no scale": lambda: keras.layers.LayerNormalization(scale=False),
    "groups": lambda: keras.layers.GroupNormalization(2),
    "channels first": lambda: keras.layers.GroupNormalization(3, axis=1, center=False),
}


def build(layer, shape=(6, 5, 4)):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(generator.normal(1, 0.3, weight.shape))
    return model


def samples(shape=(6, 5, 4), count=7):
    values = np.random.default_rng(1).normal(2, 3, (count, *shape))
    return values.astype(np.float32)


@pytest.mark.parametrize("kind", LAYERS)
def test_normalization_computes_the_same(kind):
    model = build(LAYERS[kind]())
    plain = plain_model(model)
    assert [layer.name for layer in plain.layers] == [
        each.name for each in model.layers
    ]
    np.testing.assert_allclose(plain(samples()), model(samples()), atol=1e-5)


def test_open_sizes_stay_open():
    model = build(keras.layers.GroupNormalization(2), shape=(None, 4))
    x = samples((9, 4))
    np.testing.assert_allclose(plain_model(model)(x), model(x), atol=1e-5)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_places_are_the_same(name, axis, keepdims):
    inputs = keras.Input(batch_shape=(2, 5, 4))
    find = getattr(keras.ops, name)
    model = keras.Model(inputs, find(inputs, axis=axis, keepdims=keepdims))
    x = samples((5, 4), 2)
    found = np.asarray(plain_model(model)(x))
    np.testing.assert_array_equal(found, np.asarray(model(x)))
    assert found.dtype == np.int32


def test_models_inside_it_become_plain_too():
    inner = build(keras.layers.LayerNormalization(), (5, 4))
    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    plain = plain_model(model)
    assert type(plain.layers[1].layers[1]) is not keras.layers.LayerNormalization
    x = samples((5, 4))
    np.testing.assert_allclose(plain(x), model(x), atol=1e-5)


def test_other_models_stay_as_they_are():
    class Own(keras.layers.LayerNormalization):
        pass

    for model in (
        build(keras.layers.Dense(2)),
        build(Own()),
        tf_keras.Sequential(
            [tf_keras.Input((4,)), tf_keras.layers.LayerNormalization()]
        ),
    ):
        assert plain_model(model) is model


# Files.


@pytest.mark.parametrize("target", ["gpu", "npu_int8", "microcontroller"])
def test_devices_normalize(target, tmp_path):
    model = build(keras.layers.LayerNormalization(), (6, 5, 16))
    x = samples((6, 5, 16), 24)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target=target, representative_data=x
    )
    kinds = {operation.split()[0] for operation in artifact.operations}
    assert {"SUB", "RSQRT"} <= kinds
    assert not {"NEG", "SQUARE"} & kinds
    if target != "gpu":
        assert artifact.float_operations == ()


@pytest.mark.parametrize("target", ["cpu_float32", "cpu_int8"])
def test_masks_of_pictures_are_exported(target, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 3))
    scores = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    model = keras.Model(inputs, keras.ops.argmax(scores, axis=-1))
    x = samples((6, 6, 3), 24)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target=target, representative_data=x
    )
    assert set(artifact.operations) == {
        "ARG_MAX int32",
        "CONV_2D " + target.removeprefix("cpu_"),
    }
    assert (artifact.predict(x) == np.asarray(model(x))).mean() > 0.97


def test_words_are_looked_up_on_a_microcontroller(tmp_path):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Embedding(9, 8), keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), *layers, keras.layers.Dense(3)]
    )
    x = np.random.default_rng(0).integers(0, 9, (24, 5)).astype(np.int32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target="microcontroller", representative_data=x
    )
    kinds = [operation.split()[0] for operation in artifact.operations]
    assert sorted(kinds) == ["FULLY_CONNECTED", "GATHER", "MEAN"]
