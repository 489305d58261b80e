import numpy as np
import pytest

import tfcompress as tfc
from tests.export.damaged_files import (
    count_kernels,
    damage_kernel,
    damage_scales,
    mirrored,
)
from tests.models import tf_keras_is_slow
from tfcompress.errors import DataError, ModelError
from tfcompress.export import compare_layers

IMAGES = np.random.default_rng(0).random((24, 8, 8, 3), np.float32)
# The layers with a kernel, in the order of the file; the model inside is called twice.
KERNELS = ["conv", "inside", "conv_1", "depthwise", "inside", "wide", "scores"]


def build(module):
    """A residual network with a nested model, and names like those Keras makes."""
    module.utils.set_random_seed(0)
    layers = module.layers
    given = y = module.Input((8, 8, 4))
    y = layers.Conv2D(4, 3, padding="same", use_bias=False, name="inside")(y)
    y = layers.ReLU(name="rectified")(layers.BatchNormalization(name="norm")(y))
    nested = module.Model(given, y, name="nested")
    inputs = module.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    x = layers.Add(name="sum")([x, nested(x)])
    x = layers.Conv2D(4, 3, padding="same", name="conv_1")(x)
    x = layers.BatchNormalization(name="norm_1")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = nested(layers.Activation("relu", name="active")(x))
    x = layers.Conv2D(8, 3, strides=2, activation="swish", name="wide")(x)
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    model = module.Model(inputs, layers.Dense(5, name="scores")(x), name="network")
    rng = np.random.default_rng(0)
    for normalization in (nested.get_layer("norm"), model.get_layer("norm_1")):
        shapes = [weight.shape for weight in normalization.get_weights()]
        normalization.set_weights([rng.uniform(0.5, 1.5, shape) for shape in shapes])
    return model


@pytest.fixture(scope="module", params=["cpu_float32", "cpu_int8"])
def exported(either_keras, request, tmp_path_factory):
    model = build(either_keras)
    path = tmp_path_factory.mktemp("files") / "model.tflite"
    tfc.export.to_tflite(
        model, path, target=request.param, representative_data=IMAGES, batch=1
    )
    return model, path


@tf_keras_is_slow
def test_a_sound_file(exported):
    model, path = exported
    comparison = compare_layers(path, model, IMAGES)
    assert comparison.first_departure is None
    assert comparison.samples == 4
    assert len(comparison) == 9
    names = [each.layer for each in comparison]
    order = [*KERNELS[:2], "sum", *KERNELS[2:6], "pooled", "scores"]
    assert names == order
    by_layer = {each.layer: each for each in comparison}
    assert by_layer["wide"].shape == (3, 3, 8)
    assert by_layer["sum"].operation == "ADD"
    least = 25.0 if by_layer["sum"].gap.steps is not None else 100.0
    assert all(each.gap.sqnr_db > least for each in comparison)


def test_gaps_are_those_of_the_keras_layers(exported):
    model, path = exported
    comparison = compare_layers(path, model, IMAGES[:3], samples=3)
    last = comparison.layers[-1]
    expected = np.asarray(model(IMAGES[:3]), np.float64)
    found = tfc.measurement.LiteRTModel(path).predict(IMAGES[:3])
    noise = np.square(found - expected).sum()
    assert last.gap.largest_error == pytest.approx(np.abs(found - expected).max())
    ratio = 10 * np.log10(np.square(expected).sum() / noise)
    assert last.gap.sqnr_db == pytest.approx(ratio)


@pytest.mark.parametrize("number", range(len(KERNELS)))
def test_the_damaged_layer_is_named(exported, number, tmp_path):
    model, path = exported
    content = path.read_bytes()
    assert count_kernels(content) == len(KERNELS)
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(damage_kernel(content, number, mirrored))
    comparison = compare_layers(broken, model, IMAGES, samples=2)
    first = comparison.first_departure
    assert first.layer == KERNELS[number]
    place = list(comparison).index(first)
    # A kernel that is shared is damaged in both calls.
    assert [each.layer for each in comparison].index(KERNELS[number]) == place
    assert first.gap.sqnr_db < 20 < first.inputs_sqnr_db
    assert f"{first.layer} <" in str(comparison)
    assert f"departs from the model is '{first.layer}'" in str(comparison)


def test_with_and_without_delegates(exported):
    model, path = exported
    kernels = [
        compare_layers(path, model, IMAGES, samples=1, delegates=delegates)
        for delegates in (True, False)
    ]
    assert [len(each) for each in kernels] == [9, 9]
    assert all(each.first_departure is None for each in kernels)


@pytest.mark.slow
def test_a_wrong_scale(either_keras, tmp_path):
    model = build(either_keras)
    path = tmp_path / "model.tflite"
    artifact = tfc.export.to_tflite(model, path, representative_data=IMAGES)
    path.write_bytes(damage_scales(artifact.path.read_bytes(), 2, 3.0))
    assert compare_layers(path, model, IMAGES).first_departure.layer == "conv_1"


@tf_keras_is_slow
@pytest.mark.parametrize(
    "scheme", ["dynamic_range", pytest.param("int8_float_io", marks=pytest.mark.slow)]
)
def test_files_of_post_training(either_keras, scheme, tmp_path):
    model = build(either_keras)
    path = tmp_path / "model.tflite"
    tfc.quantization.post_training(
        model, path, scheme=scheme, representative_data=IMAGES
    )
    sound = compare_layers(path, model, IMAGES)
    assert sound.first_departure is None
    assert set(KERNELS) <= {each.layer for each in sound}
    path.write_bytes(damage_kernel(path.read_bytes(), 2, mirrored))
    assert compare_layers(path, model, IMAGES).first_departure.layer == "conv_1"


@tf_keras_is_slow
def test_layers_without_names_of_their_own(either_keras, tmp_path):
    """Keras numbers layers, and Keras 3 scopes too: conv2d_1 may be conv2d."""
    layers = either_keras.layers
    either_keras.backend.clear_session()
    either_keras.utils.set_random_seed(0)
    model = either_keras.Sequential(
        [
            either_keras.Input((8, 8, 3)),
            *[layers.Conv2D(4, 3, padding="same", activation="tanh") for _ in range(4)],
            layers.Flatten(),
            layers.Dense(3, activation="relu"),
        ]
    )
    path = tmp_path / "m.tflite"
    tfc.export.to_tflite(model, path, target="cpu_float32")
    content = path.read_bytes()
    names = [layer.name for layer in model.layers if layer.weights]
    for number, name in enumerate(names):
        path.write_bytes(damage_kernel(content, number, mirrored))
        assert compare_layers(path, model, IMAGES).first_departure.layer == name


@tf_keras_is_slow
def test_two_inputs_and_outputs(either_keras, tmp_path):
    layers = either_keras.layers
    either_keras.utils.set_random_seed(0)
    left, right = layers.Input((6,), name="right"), layers.Input((6,), name="left")
    first = layers.Dense(8, activation="relu", name="first")(left)
    second = layers.Dense(8, activation="relu", name="second")(right)
    both = layers.Concatenate(name="both")([first, second])
    outputs = {"z": layers.Dense(2, name="zeta")(both), "a": layers.Dense(3)(second)}
    model = either_keras.Model([left, right], outputs)
    x = [np.random.default_rng(i).normal(size=(4, 6)).astype("f4") for i in range(2)]
    path = tmp_path / "m.tflite"
    tfc.export.to_tflite(model, path, target="cpu_float32", representative_data=x)
    sound = compare_layers(path, model, x)
    assert {"first", "second", "both", "zeta"} <= {each.layer for each in sound}
    assert sound.first_departure is None


@tf_keras_is_slow
def test_recurrent_layers(either_keras, tmp_path):
    layers = either_keras.layers
    inputs = layers.Input((5, 3))
    x = layers.LSTM(4, name="memory")(inputs)
    model = either_keras.Model(inputs, layers.Dense(2, name="scores")(x))
    path = tmp_path / "m.tflite"
    tfc.export.to_tflite(model, path, target="cpu_float32")
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    comparison = compare_layers(path, model, x)
    assert comparison.layers[-1].layer == "scores"
    assert comparison.first_departure is None


def test_bad_input(exported, either_keras, tmp_path):
    model, path = exported
    with pytest.raises(DataError):
        compare_layers(path, model, IMAGES[:, :4])
    with pytest.raises(ModelError, match="can be read"):
        compare_layers(tmp_path / "nothing.tflite", model, IMAGES)
    layers = either_keras.layers
    other = either_keras.Sequential(
        [either_keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, name="o")]
    )
    with pytest.raises(ModelError, match="converted from the model"):
        compare_layers(path, other, IMAGES)
