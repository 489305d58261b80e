"""Models that TF-MOT refuses, or damages."""

import numpy as np

import tfcompress as tfc
from tests.models import tf_keras_is_slow


def check(model, x, tmp_path, *, agreement=0.95):
    """Wraps, calibrates, finalizes and exports, and compares with the model."""
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(model), x)
    expected = np.asarray(model(x))
    spread = np.abs(expected).max()
    assert np.abs(np.asarray(aware(x, training=False)) - expected).max() < 0.1 * spread
    final = technique.finalize(aware)
    assert np.abs(np.asarray(final(x)) - expected).max() < 0.1 * spread
    artifact = tfc.export.to_tflite(aware, tmp_path / "m.tflite", representative_data=x)
    assert artifact.verification.same_class >= agreement
    return technique.account, artifact


def test_models_inside_the_model(either_keras, digits, tmp_path):
    layers = either_keras.layers
    inner = either_keras.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu", name="conv")]
    )
    inputs = layers.Input((8, 8, 1))
    x = layers.Flatten()(inner(inputs))
    model = either_keras.Model(inputs, layers.Dense(10)(x))
    account, artifact = check(model, digits[1][0], tmp_path)
    assert account.skipped == {}
    assert artifact.float_operations == ()


def test_separable_convolution_among_layers_with_tf_keras_own_names(
    either_keras, digits, tmp_path
):
    layers = either_keras.layers
    x = inputs = layers.Input((8, 8, 1))
    for number in range(3):
        suffix = f"_{number}" if number else ""
        x = layers.Conv2D(4, 3, padding="same", name=f"conv2d{suffix}")(x)
        x = layers.BatchNormalization(name=f"batch_normalization{suffix}")(x)
        x = layers.ReLU(name=f"re_lu{suffix}")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise_conv2d")(x)
    x = layers.SeparableConv2D(6, 3, name="separable_conv2d")(x)
    model = either_keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))
    _, artifact = check(model, digits[1][0], tmp_path)
    assert artifact.float_operations == ()


@tf_keras_is_slow
def test_token_input_and_bidirectional_weights(either_keras, digits, tmp_path):
    layers = either_keras.layers
    inputs = layers.Input((8,), dtype="int32")
    x = layers.Bidirectional(layers.LSTM(4))(layers.Embedding(17, 4)(inputs))
    model = either_keras.Model(inputs, layers.Dense(10)(x))
    tokens = (digits[1][0][:64, 3, :, 0] * 16).astype("int32")
    account, _ = check(model, tokens, tmp_path)
    (skipped,) = account.skipped
    assert skipped.startswith("bidirectional")
