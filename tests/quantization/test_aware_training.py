import keras
import numpy as np
import pytest
import tf_keras

import tfcompress as tfc
from tests.models import build_classifier, tf_keras_is_slow, train
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat.quantized_graph import activation_ranges
from tfcompress.keras_compat.tfmot_layers import is_quantization_aware


def accuracy(model, data):
    x, y = data
    return float((np.asarray(model(x, training=False)).argmax(-1) == y).mean())


def copy_of(model):
    """Returns a copy with weights of its own."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


@pytest.fixture(scope="module")
def aware(trained, digits):
    technique = tfc.quantization.QuantizationAwareTraining()
    model = technique.apply(trained)
    tfc.quantization.calibrate(model, digits[0])
    return technique, model


def test_given_model_is_not_changed(trained, digits):
    before = [w.copy() for w in trained.get_weights()]
    model = tfc.quantization.QuantizationAwareTraining().apply(trained)
    tfc.quantization.calibrate(model, digits[0])
    train(model, digits[0], epochs=1)
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_calibrated_model_is_as_good_as_the_float_one(aware, trained, digits):
    assert accuracy(aware[1], digits[1]) >= accuracy(trained, digits[1]) - 0.01


def test_layer_names_are_kept(aware, trained):
    names = [layer.name for layer in aware[1].layers]
    assert [n for n in names if n in {layer.name for layer in trained.layers}] == [
        layer.name for layer in trained.layers
    ]


def test_account(aware):
    account = aware[0].account
    assert {"conv1", "norm1", "conv2", "add", "logits"} <= set(account.applied)
    assert account.skipped == {}


def test_finalize_gives_plain_weights_on_the_grid(aware, trained, either_keras, digits):
    technique, model = aware
    final = technique.finalize(model)
    assert isinstance(final, either_keras.Model)
    assert [type(layer) for layer in final.layers] == [
        type(layer) for layer in trained.layers
    ]
    original = np.asarray(trained.get_layer("conv2").kernel)
    rounded = np.asarray(final.get_layer("conv2").kernel)
    # Symmetric, narrow range, per channel: 127 steps to the largest weight.
    scale = np.abs(original).max((0, 1, 2)) / 127
    np.testing.assert_allclose(rounded, np.round(original / scale) * scale, atol=1e-6)
    original = np.asarray(trained.get_layer("logits").kernel)
    rounded = np.asarray(final.get_layer("logits").kernel)
    scale = np.abs(original).max(0) / 127
    np.testing.assert_allclose(rounded, np.round(original / scale) * scale, atol=1e-6)
    assert accuracy(final, digits[1]) >= accuracy(trained, digits[1]) - 0.01


@tf_keras_is_slow
def test_zeros_are_kept_in_training_and_in_the_file(trained, digits, tmp_path):
    pruning = tfc.pruning.MagnitudePruning(0.8)
    model = pruning.apply(trained)
    train(model, digits[0], epochs=2, callbacks=pruning.callbacks())
    pruned = pruning.finalize(model)
    technique = tfc.quantization.QuantizationAwareTraining(preserve=("sparsity",))
    aware = tfc.quantization.calibrate(technique.apply(pruned), digits[0])
    train(aware, digits[0], epochs=1)
    final = technique.finalize(aware)
    for name in ("conv1", "conv2", "logits"):
        before = np.asarray(pruned.get_layer(name).kernel) == 0
        after = np.asarray(final.get_layer(name).kernel) == 0
        assert after[before].all()
    artifact = tfc.export.to_tflite(aware, tmp_path / "small.tflite")
    assert tfc.measurement.count_weights(artifact).sparsity >= 0.8 - 0.002


def test_zeros_are_lost_where_they_are_not_kept(trained, digits):
    pruning = tfc.pruning.MagnitudePruning(0.8)
    model = pruning.apply(trained)
    train(model, digits[0], epochs=1, callbacks=pruning.callbacks())
    technique = tfc.quantization.QuantizationAwareTraining(preserve=())
    aware = technique.apply(pruning.finalize(model))
    tfc.quantization.calibrate(aware, digits[0])
    train(aware, digits[0], epochs=1)
    kernel = np.asarray(technique.finalize(aware).get_layer("conv2").kernel)
    assert (kernel == 0).mean() < 0.75


def test_file_does_what_training_saw(trained, digits, tmp_path):
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    train(aware, digits[0], epochs=1)
    x = digits[1][0]
    artifact = tfc.export.to_tflite(aware, tmp_path / "small.tflite")
    seen = np.asarray(aware(x, training=False))
    shipped = artifact.predict(x)
    step = tfc.measurement.LiteRTModel(artifact).output_details["logits"].scale
    assert np.abs(seen - shipped).max() <= 2.01 * step
    assert (seen.argmax(-1) == shipped.argmax(-1)).mean() >= 0.99
    assert artifact.float_operations == ()


def test_works_while_distilling(teacher, trained, digits):
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    distiller = tfc.Distiller(teacher, aware, tfc.distillation.LogitsDistillation(4))
    train(distiller, digits[0], epochs=1)
    assert accuracy(aware, digits[1]) > 0.85


@tf_keras_is_slow
@pytest.mark.parametrize("order", ["conv-relu-norm", "norm first", "relu then norm"])
def test_normalization_that_tfmot_refuses(either_keras, digits, order, tmp_path):
    layers = either_keras.layers
    x = inputs = layers.Input((8, 8, 1), name="image")
    if order == "conv-relu-norm":
        x = layers.Conv2D(8, 3, activation="relu", name="conv")(x)
        x = layers.BatchNormalization(name="norm")(x)
    elif order == "norm first":
        x = layers.BatchNormalization(name="norm")(x)
        x = layers.Conv2D(8, 3, activation="relu", name="conv")(x)
    else:
        x = layers.Conv2D(8, 3, name="conv")(x)
        x = layers.ReLU(name="relu")(x)
        x = layers.BatchNormalization(name="norm")(x)
    outputs = layers.Dense(10, name="logits")(layers.Flatten(name="flatten")(x))
    model = either_keras.Model(inputs, outputs)
    norm = model.get_layer("norm")
    rng = np.random.default_rng(0)
    norm.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in norm.get_weights()])
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0])
    assert technique.account.skipped == {}
    train(aware, digits[0], epochs=1)
    artifact = tfc.export.to_tflite(aware, tmp_path / "small.tflite")
    seen = np.asarray(aware(digits[1][0], training=False))
    shipped = artifact.predict(digits[1][0])
    assert (seen.argmax(-1) == shipped.argmax(-1)).mean() >= 0.99
    assert artifact.float_operations == ()


def test_a_layer_left_in_float_is_listed(digits):
    layers = keras.layers
    inputs = keras.Input((8, 8))
    x = layers.LSTM(8, name="lstm")(inputs)
    model = keras.Model(inputs, layers.Dense(10, name="logits")(x))
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = technique.apply(model)
    x = digits[0][0][..., 0]
    tfc.quantization.calibrate(aware, x)
    np.testing.assert_allclose(
        np.asarray(aware(x, training=False)), np.asarray(model(x)), atol=0.1
    )
    assert list(technique.account.skipped) == ["lstm"]
    assert technique.account.applied == ("logits",)
    with pytest.raises(ModelError, match=r"strict=True.*lstm"):
        tfc.quantization.QuantizationAwareTraining(strict=True).apply(model)


def test_config_round_trip():
    arguments = {
        "weight_bits": 4,
        "activation_bits": 16,
        "layers": {"dense*": 6},
        "weight_format": "logarithmic",
        "preserve": ["clusters"],
        "start": 0.1,
        "freeze_batch_norm": None,
        "freeze_ranges": 0.5,
        "strict": True,
    }
    technique = tfc.quantization.QuantizationAwareTraining(**arguments)
    assert technique.get_config() == arguments
    again = tfc.quantization.QuantizationAwareTraining.from_config(arguments)
    assert again.get_config() == arguments


def levels(kernel):
    """Returns how many steps each output of a kernel has on each side of 0."""
    kernel = np.abs(np.asarray(kernel, np.float64)).reshape(-1, kernel.shape[-1])
    found = []
    for column in kernel.T:
        steps = [n for n in (1, 3, 7, 15, 31, 63, 127) if fits(column, n)]
        found.append(min(steps))
    return found


def fits(column, steps):
    places = column / column.max() * steps
    return np.allclose(places, np.round(places), atol=1e-3)


@tf_keras_is_slow
@pytest.mark.parametrize("bits", [2, 4, 6])
def test_weights_of_fewer_bits(trained, digits, bits):
    technique = tfc.quantization.QuantizationAwareTraining(bits)
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    train(aware, digits[0], epochs=1)
    final = technique.finalize(aware)
    for name in ("conv1", "conv2", "logits"):
        steps = levels(final.get_layer(name).kernel)
        assert max(steps) <= 2 ** (bits - 1) - 1


def test_bits_of_single_layers(trained, digits):
    technique = tfc.quantization.QuantizationAwareTraining(
        layers={"conv*": 4, "conv2": 3}
    )
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    final = technique.finalize(aware)
    assert max(levels(final.get_layer("conv1").kernel)) == 7
    assert max(levels(final.get_layer("conv2").kernel)) == 3
    assert max(levels(final.get_layer("logits").kernel)) == 127


def test_bits_of_a_layer_are_not_those_of_one_with_a_longer_name(digits):
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.SeparableConv2D(4, 3, name="sep")(inputs)
    x = layers.Dense(8, name="out_hidden")(layers.Flatten()(x))
    model = keras.Model(inputs, layers.Dense(10, name="out")(x))
    technique = tfc.quantization.QuantizationAwareTraining(layers={"out": 4, "sep": 6})
    technique.apply(model)
    notes = technique.account.notes
    assert "4 bits" in notes["out"]
    assert "8 bits" in notes["out_hidden"]
    assert "6 bits" in notes["sep"]
    assert "6 bits" in notes["sep_depthwise"]
    with pytest.raises(ArgumentError, match=r"\['out_hidden', 'out'\]|'out'"):
        tfc.quantization.QuantizationAwareTraining(layers={"ouput": 4}).apply(model)


@pytest.mark.slow
def test_names_of_users_that_look_like_ours(digits, tmp_path):
    layers = keras.layers
    inputs = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, name="k")(inputs)
    x = layers.Conv2D(4, 3, name="k_range")(x)
    x = layers.BatchNormalization(name="norm")(layers.ReLU(name="relu")(x))
    x = layers.Dense(8, name="x_unrounded")(layers.Flatten(name="flat")(x))
    x = layers.Dense(8, name="y_unrounded")(x)
    model = keras.Model(inputs, layers.Dense(10, name="x")(x))
    technique = tfc.quantization.QuantizationAwareTraining(layers={"x": 4})
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0])
    assert "4 bits" in technique.account.notes["x"]
    assert "8 bits" in technique.account.notes["x_unrounded"]
    final = technique.finalize(aware)
    assert [layer.name for layer in final.layers] == [
        layer.name for layer in model.layers
    ]
    artifact = tfc.export.to_tflite(aware, tmp_path / "m.tflite")
    assert set(tfc.measurement.LiteRTModel(artifact).output_details) == {"x"}


def test_equal_weights_stay_equal(trained, digits):
    model = copy_of(trained)
    layer = model.get_layer("conv2")
    kernel, *rest = layer.get_weights()
    centroids = np.linspace(kernel.min(), kernel.max(), 16)
    nearest = np.abs(kernel[..., np.newaxis] - centroids).argmin(-1)
    layer.set_weights([centroids[nearest].astype("float32"), *rest])
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0])
    train(aware, digits[0], epochs=1)
    after = np.asarray(technique.finalize(aware).get_layer("conv2").kernel)
    assert len(np.unique(after)) <= 16
    assert not np.allclose(after, np.asarray(layer.kernel), atol=1e-3)
    for value in np.unique(nearest):
        assert np.ptp(after[nearest == value]) < 1e-6


def test_saved_and_loaded_it_goes_on(trained, digits, tmp_path):
    """The file holds the ranges, the bits, and what stays zero."""
    model = copy_of(trained)
    layer = model.get_layer("conv2")
    kernel, *rest = layer.get_weights()
    zeros = np.abs(kernel) < np.median(np.abs(kernel))
    layer.set_weights([np.where(zeros, 0, kernel), *rest])
    technique = tfc.quantization.QuantizationAwareTraining(4)
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0])
    x = digits[1][0]
    for name in ("aware.h5", "aware.keras"):
        aware.save(tmp_path / name)
        again = tf_keras.models.load_model(tmp_path / name)
        np.testing.assert_array_equal(
            aware(x, training=False), again(x, training=False)
        )
    train(again, digits[0], epochs=2, callbacks=technique.callbacks())
    after = np.asarray(technique.finalize(again).get_layer("conv2").kernel)
    assert (after[zeros] == 0).all()
    assert max(levels(after)) <= 7
    again.save_weights(tmp_path / "aware.weights.h5")
    third = technique.apply(model)
    third.load_weights(tmp_path / "aware.weights.h5")
    np.testing.assert_array_equal(third(x, training=False), again(x, training=False))


def test_before_the_start_nothing_is_rounded(trained, digits):
    technique = tfc.quantization.QuantizationAwareTraining(2, start=0.5)
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    seen = []
    x = digits[1][0][:8]

    class Looks(tf_keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            plain = self.model.get_layer("conv1").layer.kernel
            used = self.model.get_layer("conv1").rounded_kernels()[0][1]
            seen.append(np.array_equal(plain, used))

    train(aware, digits[0], epochs=2, callbacks=[*technique.callbacks(), Looks()])
    half = len(seen) // 2
    assert all(seen[:half])
    assert not any(seen[half:])
    rounded = aware(x, training=False)
    assert len(np.unique(rounded)) <= 256


def test_ranges_and_statistics_hold_still_in_the_end(trained, digits):
    technique = tfc.quantization.QuantizationAwareTraining(
        freeze_batch_norm=0.5, freeze_ranges=0.5
    )
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    seen = []

    class Looks(tf_keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ranges = [layer.range for layer in activation_ranges(self.model)]
            mean = self.model.get_layer("norm1").moving_mean.numpy()
            seen.append((ranges, mean))

    train(aware, digits[0], epochs=4, callbacks=[*technique.callbacks(), Looks()])
    assert seen[0][0] != seen[1][0] == seen[2][0] == seen[3][0]
    assert not np.array_equal(seen[0][1], seen[1][1])
    np.testing.assert_array_equal(seen[1][1], seen[3][1])


def test_outputs_keep_their_names(digits):
    inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten()(inputs)
    outputs = {
        "digit": keras.layers.Dense(10, activation="softmax", name="digit")(x),
        "even": keras.layers.Dense(1, activation="sigmoid", name="even")(x),
    }
    model = keras.Model(inputs, outputs)
    technique = tfc.quantization.QuantizationAwareTraining()
    aware = tfc.quantization.calibrate(technique.apply(model), digits[0])
    losses = {
        "digit": "sparse_categorical_crossentropy",
        "even": "binary_crossentropy",
    }
    aware.compile("adam", losses)
    x, y = digits[0]
    aware.fit(x, {"digit": y, "even": 1 - y % 2}, epochs=1, verbose=0)
    final = technique.finalize(aware)
    assert set(final(x[:1])) == {"digit", "even"}
    assert final.get_layer("digit").activation.__name__ == "softmax"


def test_a_freshly_wrapped_model_computes_as_before(trained, digits):
    """Ranges that nobody has seen yet round nothing."""
    aware = tfc.quantization.QuantizationAwareTraining().apply(trained)
    assert accuracy(aware, digits[1]) >= accuracy(trained, digits[1]) - 0.01


def test_training_without_calibration_finds_ranges(trained, digits):
    aware = tfc.quantization.QuantizationAwareTraining().apply(trained)
    train(aware, digits[0], epochs=1)
    assert all(layer.is_known for layer in activation_ranges(aware))
    assert accuracy(aware, digits[1]) >= accuracy(trained, digits[1]) - 0.05


def test_a_float_file_holds_the_rounded_kernels(trained, digits, tmp_path):
    technique = tfc.quantization.QuantizationAwareTraining(4)
    aware = tfc.quantization.calibrate(technique.apply(trained), digits[0])
    artifact = tfc.export.to_tflite(aware, tmp_path / "f.tflite", target="cpu_float32")
    x = digits[1][0]
    expected = technique.finalize(aware)(x, training=False)
    np.testing.assert_allclose(artifact.predict(x), expected, atol=1e-4)


def test_export_of_a_model_without_ranges(trained, tmp_path):
    aware = tfc.quantization.QuantizationAwareTraining().apply(trained)
    with pytest.raises(ModelError, match="calibrate"):
        tfc.export.to_tflite(aware, tmp_path / "small.tflite")
    assert not (tmp_path / "small.tflite").exists()


# Bad input.


def test_unknown_preserve():
    with pytest.raises(ArgumentError, match=r"Received: preserve=\['colour'\]"):
        tfc.quantization.QuantizationAwareTraining(preserve=["colour"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight_bits": 9}, "Received: weight_bits=9"),
        ({"weight_bits": 1}, "Received: weight_bits=1"),
        ({"weight_bits": 8.0}, "Received: weight_bits=8.0"),
        ({"activation_bits": 4}, "Received: activation_bits=4"),
        ({"layers": {"dense": 32}}, "Received: bits=32"),
        ({"layers": ["dense"]}, "Received: layers="),
        ({"start": 1.5}, "Received: start=1.5"),
        ({"start": None}, "Received: start=None"),
        ({"preserve": 5}, r"Received: preserve=\[5\]"),
        ({"freeze_ranges": -1}, "Received: freeze_ranges=-1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        tfc.quantization.QuantizationAwareTraining(**arguments)


def test_layers_that_name_nothing(trained):
    technique = tfc.quantization.QuantizationAwareTraining(layers={"convolution1": 4})
    with pytest.raises(ArgumentError, match=r"nearest are.*conv"):
        technique.apply(trained)


def test_wrapping_twice(aware):
    with pytest.raises(ModelError, match="quantization-aware already"):
        aware[0].apply(aware[1])


def test_a_model_being_pruned(trained):
    model = tfc.pruning.MagnitudePruning(0.5).apply(trained)
    with pytest.raises(ModelError, match="still being pruned"):
        tfc.quantization.QuantizationAwareTraining().apply(model)


def test_finalize_of_another_model(trained):
    with pytest.raises(ModelError, match="is not quantization-aware"):
        tfc.quantization.QuantizationAwareTraining().finalize(trained)


def test_model_without_weights(either_keras):
    model = either_keras.Sequential(
        [either_keras.layers.Input((4,)), either_keras.layers.ReLU()]
    )
    with pytest.raises(ModelError, match="No layer of the model has a kernel"):
        tfc.quantization.QuantizationAwareTraining().apply(model)


def test_wrapped_model_can_be_wrapped_by_pruning_only_first(aware):
    assert is_quantization_aware(aware[1])
    assert not is_quantization_aware(build_classifier(keras))
