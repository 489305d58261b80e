import dataclasses
import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfcompress as tfc
from tests.export.damaged_files import damage_kernel, mirrored
from tests.export.sparse_networks import keep_largest, keep_largest_blocks
from tests.models import tf_keras_is_slow
from tfcompress.errors import ExportError, ModelError
from tfcompress.export import find_target
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.verification import verification
from tfcompress.export.verification.gap import Gap
from tfcompress.export.verification.layer_comparison import LayerComparison, LayerGap
from tfcompress.export.verification.tolerance import (
    is_cost,
    is_cost_without_layers,
    is_tolerable,
)
from tfcompress.export.verification.verification import verify

IMAGES = np.random.default_rng(0).random((24, 8, 8, 3), np.float32)


def check(path, model, target, x):
    signature = read_signature(model, 1)
    arrays = x if isinstance(x, dict) else {next(iter(signature.inputs)): x}
    return verify(path, model, signature, find_target(target), arrays)


def build(module):
    module.utils.set_random_seed(0)
    layers = module.layers
    inputs = module.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    x = layers.Conv2D(6, 3, activation="relu", name="second")(x)
    outputs = layers.Dense(5, name="scores")(layers.Flatten()(x))
    return module.Model(inputs, outputs)


@pytest.fixture(scope="module", params=["cpu_float32", "cpu_float16", "cpu_int8"])
def exported(either_keras, request, tmp_path_factory):
    model = build(either_keras)
    path = tmp_path_factory.mktemp("files") / "model.tflite"
    artifact = tfc.export.to_tflite(
        model, path, target=request.param, representative_data=IMAGES
    )
    return model, artifact


@tf_keras_is_slow
def test_numbers_are_those_of_numpy(exported):
    model, artifact = exported
    found, expected = artifact.predict(IMAGES), np.asarray(model(IMAGES), np.float64)
    error = np.abs(found - expected)
    result = artifact.verification
    assert result.samples == 24
    assert result.largest_error == pytest.approx(error.max(), rel=1e-3)
    assert result.mean_error == pytest.approx(error.mean(), rel=1e-3)
    noise = max(np.square(error).sum(), 1e-20 * np.square(expected).sum())
    ratio = 10 * np.log10(np.square(expected).sum() / noise)
    assert result.sqnr_db == pytest.approx(ratio, abs=0.1)
    scale = artifact.outputs["scores"].scale
    if scale:
        assert result.steps == pytest.approx(error.max() / scale, rel=1e-3)
        assert result.mean_steps == pytest.approx(error.mean() / scale, rel=1e-3)
    else:
        assert result.steps is result.mean_steps is None
    same = (found.argmax(-1) == expected.argmax(-1)).mean()
    assert result.same_class == pytest.approx(same)
    assert result.outputs["scores"].sqnr_db == result.sqnr_db
    json.dumps(dataclasses.asdict(result), allow_nan=False)


def test_both_kinds_of_kernels_are_compared(exported):
    _, artifact = exported
    difference = artifact.verification.without_delegates
    own = tfc.measurement.LiteRTModel(artifact, delegates=False).predict(IMAGES[:4])
    largest = np.abs(own - artifact.predict(IMAGES[:4])).max()
    assert difference.largest_error == pytest.approx(largest, abs=1e-7)


def test_a_damaged_file_names_its_layer(exported, tmp_path):
    model, artifact = exported
    path = tmp_path / "broken.tflite"
    path.write_bytes(damage_kernel(artifact.path.read_bytes(), 1, mirrored))
    with pytest.raises(ExportError, match=r"first layer that departs is 'second'"):
        check(path, model, artifact.target, IMAGES)


def test_numbers_that_are_not_finite(either_keras, tmp_path):
    model = build(either_keras)
    path = tmp_path / "m.tflite"
    tfc.export.to_tflite(model, path, target="cpu_float32")
    path.write_bytes(damage_kernel(path.read_bytes(), 1, lambda k: k * np.nan))
    with pytest.raises(ExportError, match="not finite.*'scores'"):
        check(path, model, "cpu_float32", IMAGES)


def test_a_model_that_is_not_finite_itself(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.ops.log(inputs))
    x = -np.ones((2, 3), np.float32)
    with pytest.raises(ExportError, match="model itself gives numbers that are not"):
        tfc.export.to_tflite(
            model, tmp_path / "m.tflite", target="cpu_float32", representative_data=x
        )


@tf_keras_is_slow
@pytest.mark.parametrize("target", ["cpu_int8", "cpu_int8_float_io"])
def test_probabilities_that_all_round_to_nothing(either_keras, target, tmp_path):
    inputs = either_keras.Input((16,))
    outputs = either_keras.layers.Dense(1000, activation="softmax")(inputs)
    x = np.random.default_rng(0).random((24, 16), np.float32)
    artifact = tfc.export.to_tflite(
        either_keras.Model(inputs, outputs),
        tmp_path / "m.tflite",
        target=target,
        representative_data=x,
    )
    assert artifact.verification.sqnr_db < 6
    # A step is 1/256, whatever stands at the door.
    assert artifact.verification.steps < 1


@tf_keras_is_slow
def test_several_outputs(either_keras, tmp_path):
    inputs = either_keras.Input((4,))
    layers = either_keras.layers
    outputs = {"large": layers.Dense(2)(inputs), "small": layers.Dense(3)(inputs)}
    model = either_keras.Model(inputs, outputs)
    x = np.random.default_rng(0).random((24, 4), np.float32)
    result = tfc.export.to_tflite(
        model, tmp_path / "m.tflite", representative_data=x
    ).verification
    assert set(result.outputs) == {"large", "small"}
    ratios = [gap.sqnr_db for gap in result.outputs.values()]
    assert result.sqnr_db == min(ratios)
    assert result.same_class is None


def test_a_model_with_a_fixed_batch(either_keras, tmp_path):
    inputs = either_keras.Input(batch_shape=(3, 4))
    model = either_keras.Model(inputs, either_keras.layers.Dense(2, name="y")(inputs))
    x = np.random.default_rng(0).random((7, 4), np.float32)
    path = tmp_path / "m.tflite"
    result = tfc.export.to_tflite(
        model, path, target="cpu_float32", representative_data=x, batch=3
    ).verification
    assert result.samples == 7
    assert result.relative_error < 1e-5


def test_large_samples_are_not_all_run(tmp_path):
    inputs = keras.Input((1000, 1000, 1))
    model = keras.Model(inputs, keras.layers.AveragePooling2D(100)(inputs))
    path = tmp_path / "m.tflite"
    tfc.export.to_tflite(model, path, target="cpu_float32", verification=False)
    result = check(path, model, "cpu_float32", np.ones((13, 1000, 1000, 1), np.float32))
    assert result.samples == 10


# Faults of LiteRT and of the converter, which give no error of their own.


def sparse_file(kernel, **options):
    """A Dense network in sparse encoding, in a combination that LiteRT gets wrong."""
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [tf_keras.Input((64,)), tf_keras.layers.Dense(64, name="pruned")]
    )
    model.layers[0].set_weights([kernel, np.zeros(64)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [
        tf.lite.Optimize.DEFAULT,
        tf.lite.Optimize.EXPERIMENTAL_SPARSITY,
    ]
    for name, value in options.items():
        setattr(converter.target_spec, name, value)
    return model, converter.convert()


KERNEL = np.random.default_rng(0).normal(size=(64, 64))
FLOATS = np.random.default_rng(1).normal(size=(8, 64)).astype(np.float32)


def test_garbage_of_sparse_kernels_with_float_activations(tmp_path):
    model, content = sparse_file(keep_largest_blocks(KERNEL, 0.8, 16))
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    message = "on XNNPACK, LiteRT's default kernels, though it does without.*'pruned'"
    target = find_target("cpu_int8_float_io")
    with pytest.raises(ExportError, match=message):
        check(path, model, target, FLOATS)


def test_sparse_float16_kernels_that_are_not_finite(tmp_path):
    model, content = sparse_file(
        keep_largest_blocks(KERNEL, 0.8, 4), supported_types=[tf.float16]
    )
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="does not do what|not finite"):
        check(path, model, "cpu_float16", FLOATS)


def test_a_file_that_xnnpack_does_not_load(tmp_path):
    model, content = sparse_file(keep_largest(KERNEL, 0.8))
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="run"):
        check(path, model, "cpu_int8_float_io", FLOATS)


def test_kernels_without_delegates_that_are_wrong(exported, monkeypatch):
    model, artifact = exported

    class Wrong(tfc.measurement.LiteRTModel):
        def __init__(self, path, *, delegates, **options):
            super().__init__(path, delegates=delegates, **options)
            self.delegates = delegates

        def predict(self, x):
            return super().predict(x) * (1 if self.delegates else -1)

    monkeypatch.setattr(verification, "LiteRTModel", Wrong)
    with pytest.raises(ExportError, match="on LiteRT's own kernels, though it does on"):
        check(artifact.path, model, artifact.target, IMAGES)


# The tolerance.


@pytest.mark.parametrize(
    ("target", "gap", "tolerable"),
    [
        ("cpu_float32", Gap(1.0, 1.0, 0.0009, 50.0), True),
        ("cpu_float32", Gap(1.0, 1.0, 0.0011, 90.0), False),
        ("cpu_float16", Gap(1.0, 1.0, 0.049, 10.0), True),
        ("cpu_float16", Gap(1.0, 1.0, 0.051, 90.0), False),
        ("cpu_int8", Gap(1.0, 1.0, 1.0, 0.0, 3.9, 1.0), True),
        ("cpu_int8", Gap(1.0, 1.0, 0.3, 12.0, 80.0, 9.0), True),
        ("cpu_int8", Gap(1.0, 1.0, 0.9, 2.0, 80.0, 9.0), False),
        ("cpu_int8", Gap(1.0, 1.0, 0.9, 2.0), False),
    ],
)
def test_tolerance(target, gap, tolerable):
    assert is_tolerable(gap, find_target(target)) is tolerable


def layers_of(*ratios):
    """Layers in a line with these ratios of signal to noise, after the input's."""
    return LayerComparison(
        tuple(
            LayerGap(
                f"layer{i}", "CONV_2D", (4,), Gap(9.0, 9.0, 0.9, after, 99.0), before
            )
            for i, (before, after) in enumerate(itertools.pairwise(ratios))
        ),
        samples=1,
    )


SLOW = layers_of(50.0, 35.0, 28.0, 21.0, 13.0, 7.0, 3.0)
SUDDEN = layers_of(50.0, 35.0, 33.0, 5.0, 4.0, 3.0)


@pytest.mark.parametrize(
    ("target", "ratio", "layers", "cost"),
    [
        ("cpu_int8", 3.0, SLOW, True),
        ("cpu_int8", 3.0, SUDDEN, False),
        ("cpu_int8", -10.0, SLOW, False),
        ("cpu_int8", 3.0, None, False),
        ("cpu_float32", 30.0, SLOW, False),
    ],
)
def test_a_slow_decay_is_a_cost_and_a_sudden_fall_is_not(target, ratio, layers, cost):
    gap = Gap(9.0, 9.0, 0.9, ratio, 99.0, 9.0)
    assert is_cost(gap, find_target(target), layers) is cost
    if layers is SUDDEN:
        assert layers.first_departure.layer == "layer2"


@pytest.mark.parametrize(
    ("target", "ratio", "cost"),
    [
        ("cpu_int8", 0.1, True),
        ("cpu_int8", 0.0, False),  # what an output of zeros has
        ("cpu_int8", -3.0, False),
        ("cpu_float32", 30.0, False),
    ],
)
def test_a_source_without_layers_has_a_limit_of_its_own(target, ratio, cost):
    gap = Gap(9.0, 9.0, 0.9, ratio, 99.0, 9.0)
    assert is_cost_without_layers(gap, find_target(target)) is cost


class OffBy(tfc.measurement.LiteRTModel):
    """A runtime whose outputs are off by half of what the model gives: 3 dB."""

    def predict(self, x):
        found = super().predict(x)
        signs = np.where(np.arange(found.size) % 2, 1.0, -1.0).reshape(found.shape)
        return found + np.sqrt(0.5) * signs * np.sqrt(np.square(found).mean())


@pytest.fixture
def noisy(monkeypatch, tmp_path):
    """A full-integer file with noise of half the power of its outputs."""
    model = build(keras)
    artifact = tfc.export.to_tflite(
        model, tmp_path / "noisy.tflite", representative_data=IMAGES
    )
    monkeypatch.setattr(verification, "LiteRTModel", OffBy)
    return model, artifact


def test_a_cost_is_noted(noisy, monkeypatch, tmp_path):
    model, _ = noisy
    monkeypatch.setattr(verification, "bisect", lambda *a, **k: SLOW)
    with pytest.warns(UserWarning, match="no layer falls sharply"):
        artifact = tfc.export.to_tflite(
            model, tmp_path / "cost.tflite", representative_data=IMAGES
        )
    (note,) = artifact.notes
    assert "at output 'scores'" in note
    assert "3.0 dB" in note
    assert artifact.verification.notes == (note,)


def test_layers_that_cannot_be_compared_are_no_cost(noisy, monkeypatch):
    def refuse(*arguments, **options):
        raise ModelError("It is another model's.")

    monkeypatch.setattr(verification, "bisect", refuse)
    model, artifact = noisy
    with pytest.raises(ExportError, match=r"cannot be compared.*another model's"):
        check(artifact.path, model, artifact.target, IMAGES)


def test_other_errors_of_the_comparison_are_not_kept_back(noisy, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(verification, "bisect", fail)
    model, artifact = noisy
    with pytest.raises(RuntimeError, match="a fault of ours"):
        check(artifact.path, model, artifact.target, IMAGES)


@pytest.mark.parametrize("factor", [1, 0])
def test_a_file_that_is_quantized_has_no_layers(monkeypatch, factor, tmp_path):
    source = tfc.quantization.post_training(build(keras), scheme="float32")

    class Scaled(OffBy):
        def predict(self, x):
            return factor * super().predict(x)

    monkeypatch.setattr(verification, "LiteRTModel", Scaled)
    path = tmp_path / "small.tflite"
    if factor:
        with pytest.warns(UserWarning, match="has no layers to compare"):
            tfc.quantization.post_training(source, path, representative_data=IMAGES)
    else:
        with pytest.raises(ExportError, match="0.0 dB"):
            tfc.quantization.post_training(source, path, representative_data=IMAGES)
        assert not path.exists()
