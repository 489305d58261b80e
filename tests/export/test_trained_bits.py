"""Files of quantization-aware models, whose kernels have few bits."""

import warnings

import numpy as np
import pytest

import tfcompress as tfc
from tests.export.integer_files import run
from tests.models import tf_keras_is_slow


def build_convolutional(module):
    """Convolutions of each kind that a file stores in its own way, and Dense layers."""
    layers = module.layers
    module.utils.set_random_seed(5)
    return module.Sequential(
        [
            module.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu", name="wide"),
            layers.DepthwiseConv2D(3, activation="relu", name="depthwise"),
            layers.Conv2D(32, 1, activation="relu", name="pointwise"),
            layers.Flatten(),
            layers.Dense(64, activation="relu", name="dense"),
            layers.Dense(10, name="scores"),
        ]
    )


@pytest.fixture(scope="module")
def model(either_keras, digits):
    model = build_convolutional(either_keras)
    loss = either_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(either_keras.optimizers.Adam(0.005), loss)
    model.fit(*digits[0], epochs=8, batch_size=50, verbose=0)
    return model


def export(model, digits, path, bits, **options):
    (x, _), _ = digits
    aware = tfc.quantization.QuantizationAwareTraining(bits, **options)
    wrapped = aware.apply(model)
    tfc.quantization.calibrate(wrapped, x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        artifact = tfc.export.to_tflite(wrapped, path, representative_data=x)
    return wrapped, artifact


@pytest.fixture(scope="module")
def eight(model, digits, tmp_path_factory):
    return export(model, digits, tmp_path_factory.mktemp("eight") / "m.tflite", 8)[1]


@tf_keras_is_slow
@pytest.mark.parametrize(("bits", "share"), [(6, 1.0), (4, 0.5), (2, 0.25)])
def test_file_holds_what_was_trained(model, digits, eight, bits, share, tmp_path):
    _, artifact = export(model, digits, tmp_path / "m.tflite", bits)
    assert artifact.verification.same_class >= 0.99
    assert artifact.verification.steps < 2.5
    assert artifact.float_operations == ()
    saved = (1 - share) * 512 * 64
    assert artifact.bytes <= eight.bytes - 0.95 * saved
    assert len(artifact.notes) == (bits <= 4)
    assert all(note.endswith("bytes: wide.") for note in artifact.notes)


@tf_keras_is_slow
def test_file_runs_without_delegates(model, digits, tmp_path):
    _, artifact = export(model, digits, tmp_path / "m.tflite", 4)
    content = artifact.path.read_bytes()
    numbers = np.random.default_rng(0).integers(-128, 128, (32, 8, 8, 1))
    x = numbers.astype(np.int8)
    outputs = [run(content, x, delegates=delegates) for delegates in (True, False)]
    assert np.abs(outputs[0].astype(int) - outputs[1]).max() <= 3


@tf_keras_is_slow
def test_bits_of_single_layers(model, digits, eight, tmp_path):
    _, artifact = export(model, digits, tmp_path / "m.tflite", 8, layers={"dense": 4})
    assert artifact.verification.same_class >= 0.99
    assert artifact.bytes <= eight.bytes - 0.95 * 0.5 * 512 * 64
    assert artifact.notes == ()


@tf_keras_is_slow
def test_slow_convolutions_are_said(model, digits, tmp_path):
    (x, _), _ = digits
    aware = tfc.quantization.QuantizationAwareTraining(4)
    wrapped = aware.apply(model)
    tfc.quantization.calibrate(wrapped, x)
    with pytest.warns(UserWarning, match="larger than 1x1"):
        tfc.export.to_tflite(wrapped, tmp_path / "m.tflite")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_kernels_take_a_byte_a_weight(either_keras, kind, tmp_path):
    layers = either_keras.layers
    either_keras.utils.set_random_seed(0)
    model = either_keras.Sequential(
        [
            either_keras.Input((6,), dtype="int32"),
            layers.Embedding(20, 24),
            getattr(layers, kind)(64, name="steps"),
            layers.Dense(5),
        ]
    )
    tokens = np.random.default_rng(0).integers(0, 20, (128, 6)).astype(np.int32)
    wrapped = tfc.quantization.QuantizationAwareTraining().apply(model)
    tfc.quantization.calibrate(wrapped, tokens)
    with pytest.warns(UserWarning, match="in float"):
        small = tfc.export.to_tflite(
            wrapped, tmp_path / "small.tflite", representative_data=tokens
        )
    large = tfc.export.to_tflite(model, tmp_path / "large.tflite", target="cpu_float32")
    weights = {"LSTM": 4, "GRU": 3}[kind] * 64 * (24 + 64)
    assert small.bytes < large.bytes - 2.4 * weights
    assert small.verification.steps < 2.5
