import numpy as np
import pytest

import tfcompress as tfc
from tests.models import tf_keras_is_slow
from tfcompress.errors import ExportError, ModelError

MEAN = [100.0, 110.0, 120.0]
VARIANCE = [4.0, 9.0, 16.0]


def build(module):
    module.utils.set_random_seed(0)
    layers = module.layers
    return module.Sequential(
        [
            module.Input((8, 8, 3), name="image"),
            layers.Resizing(4, 4, interpolation="nearest", name="resize"),
            module.Sequential([layers.RandomFlip()]),
            layers.Normalization(mean=MEAN, variance=VARIANCE, name="normalize"),
            layers.Rescaling(0.5, offset=1.0, name="rescale"),
            layers.Conv2D(2, 3, name="conv"),
            layers.Rescaling(3.0, name="inner"),
        ],
        name="pictures",
    )


def test_app_does_what_was_taken_off(either_keras):
    model = build(either_keras)
    bare, preprocessing = tfc.export.without_preprocessing(model)
    assert isinstance(bare, either_keras.Model)
    assert [layer.name for layer in bare.layers if layer.weights] == ["conv"]
    assert "inner" in [layer.name for layer in bare.layers]
    assert tuple(bare.inputs[0].shape) == (None, 4, 4, 3)
    assert [(step.layer, step.kind) for step in preprocessing.steps] == [
        ("resize", "Resizing"),
        ("normalize", "Normalization"),
        ("rescale", "Rescaling"),
    ]
    size, normalize, rescale = (step.settings for step in preprocessing.steps)
    assert (size["height"], size["width"], size["interpolation"]) == (4, 4, "nearest")
    assert (normalize["mean"], normalize["variance"]) == (MEAN, VARIANCE)
    assert (rescale["scale"], rescale["offset"]) == (0.5, 1.0)
    x = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    nearest = x[:, 1::2, 1::2]  # from 8 to 4 with pixel centers at halves
    by_hand = 0.5 * (nearest - np.array(MEAN)) / np.sqrt(VARIANCE) + 1.0
    expected = np.asarray(model(x, training=False))
    found = np.asarray(bare(by_hand.astype(np.float32)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_scaling_in_one_mean_and_deviation(either_keras):
    _, preprocessing = tfc.export.without_preprocessing(build(either_keras))
    mean, deviation = preprocessing.normalization()
    # 0.5 * (x - m) / s + 1 = (x - (m - 2 * s)) / (2 * s)
    np.testing.assert_allclose(mean, [96.0, 104.0, 112.0])
    np.testing.assert_allclose(deviation, [4.0, 6.0, 8.0])
    assert preprocessing.normalization("other") is None


def test_adapted_normalization(either_keras):
    x = np.random.default_rng(0).normal(5, 3, (50, 4)).astype(np.float32)
    layer = either_keras.layers.Normalization()
    layer.adapt(x)
    model = either_keras.Sequential(
        [either_keras.Input((4,)), layer, either_keras.layers.Dense(2)]
    )
    _, preprocessing = tfc.export.without_preprocessing(model)
    mean, deviation = preprocessing.normalization()
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(deviation, x.std(0), rtol=1e-4)


def test_dict_inputs_keep_their_names(either_keras):
    layers = either_keras.layers
    left, right = layers.Input((3,), name="left"), layers.Input((3,), name="right")
    both = layers.Concatenate()([layers.Rescaling(2.0)(left), right])
    model = either_keras.Model({"a": left, "b": right}, layers.Dense(2)(both))
    bare, preprocessing = tfc.export.without_preprocessing(model)
    assert [step.input for step in preprocessing.steps] == ["left"]
    x = np.random.default_rng(0).random((5, 3), np.float32)
    np.testing.assert_allclose(
        np.asarray(bare({"a": 2 * x, "b": x})),
        np.asarray(model({"a": x, "b": x})),
        atol=1e-6,
    )


def test_data_that_other_layers_take_too_stays(either_keras):
    layers = either_keras.layers
    inputs = layers.Input((3,))
    scaled = layers.Rescaling(2.0)(inputs)
    model = either_keras.Model(inputs, layers.Add()([scaled, inputs]))
    bare, preprocessing = tfc.export.without_preprocessing(model)
    assert bare is model
    assert preprocessing.steps == ()
    assert preprocessing.normalization() is None


def test_negative_scale_has_no_deviation(either_keras):
    layers = either_keras.layers
    model = either_keras.Sequential(
        [either_keras.Input((3,)), layers.Rescaling(-2.0), layers.Dense(1)]
    )
    _, preprocessing = tfc.export.without_preprocessing(model)
    assert preprocessing.normalization() is None
    assert str(preprocessing).endswith("Rescaling(scale=-2.0, offset=0.0)")


def test_nothing_but_preprocessing(either_keras):
    layers = [either_keras.Input((3,)), either_keras.layers.Rescaling(2.0)]
    with pytest.raises(ModelError, match="nothing would be left"):
        tfc.export.without_preprocessing(either_keras.Sequential(layers))


@tf_keras_is_slow
def test_preprocessing_stays_inside_by_default(either_keras, tmp_path):
    model = build(either_keras)
    x = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target="cpu_float32", representative_data=x
    )
    assert artifact.inputs["image"].shape == (1, 8, 8, 3)
    np.testing.assert_allclose(
        artifact.predict(x), np.asarray(model(x, training=False)), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("kind", ["mel", "stft"])
def test_sound_goes_in(kind, tmp_path):
    import keras

    layers = keras.layers
    wave = keras.Input((1024,), name="wave")
    if kind == "mel":
        picture = layers.MelSpectrogram(
            fft_length=256, sequence_stride=128, num_mel_bins=16
        )(wave)
    else:
        picture = layers.STFTSpectrogram(frame_length=256, frame_step=128)(
            layers.Reshape((1024, 1))(wave)
        )
    model = keras.Model(wave, layers.Dense(3)(layers.Flatten()(picture)))
    x = np.random.default_rng(0).normal(0, 0.1, (8, 1024)).astype(np.float32)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", target="cpu_float32", representative_data=x
    )
    assert not any("Flex" in kind for kind in artifact.operations)
    np.testing.assert_allclose(
        artifact.predict(x), np.asarray(model(x)), rtol=1e-3, atol=1e-3
    )


@tf_keras_is_slow
def test_text_ids_go_in(either_keras, tmp_path):
    either_keras.utils.set_random_seed(0)
    layers = either_keras.layers
    ids = layers.Input((6,), dtype="int32", name="ids")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(ids))
    model = either_keras.Model(ids, layers.Dense(2)(x))
    x = np.random.default_rng(0).integers(0, 20, (30, 6))
    artifact = tfc.export.to_tflite(model, tmp_path / "m.tflite", representative_data=x)
    assert artifact.inputs["ids"].dtype == np.int32
    np.testing.assert_allclose(artifact.predict(x), np.asarray(model(x)), atol=0.03)


def test_text_itself_does_not(either_keras, tmp_path):
    layers = either_keras.layers
    words = layers.TextVectorization(
        vocabulary=["a", "b"], output_sequence_length=4, name="words"
    )
    text = layers.Input((1,), dtype="string")
    model = either_keras.Model(text, layers.Embedding(8, 3)(words(text)))
    with pytest.raises(ExportError, match=r"in front of the model.*'words'"):
        tfc.export.to_tflite(model, tmp_path / "m.tflite", target="cpu_float32")
