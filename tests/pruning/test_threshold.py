import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import train
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.schedules import Constant, Linear

LAYERS = ("conv1", "conv2", "logits")


def kernel_of(model, name):
    return np.asarray(model.get_layer(name).kernel)


def train_gently(model, digits, callbacks, epochs=1):
    model.compile(
        keras.optimizers.SGD(1e-6),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(*digits[0], epochs=epochs, verbose=0, callbacks=callbacks)


def test_weights_below_the_threshold_become_zero(trained, digits, either_keras):
    pruning = tfc.pruning.ThresholdPruning(0.1)
    model = pruning.apply(trained)
    train_gently(model, digits, pruning.callbacks())
    final = pruning.finalize(model)
    assert isinstance(final, either_keras.Model)
    for name in LAYERS:
        before, after = kernel_of(trained, name), kernel_of(final, name)
        np.testing.assert_array_equal(after == 0, np.abs(before) < 0.1)
        np.testing.assert_allclose(after[after != 0], before[after != 0], atol=1e-4)


def test_one_shot_needs_no_training(trained, either_keras):
    pruning = tfc.pruning.ThresholdPruning(0.1)
    final = pruning.finalize(pruning.apply(trained))
    assert isinstance(final, either_keras.Model)
    for name in LAYERS:
        before = kernel_of(trained, name)
        expected = np.where(np.abs(before) < 0.1, 0, before)
        np.testing.assert_array_equal(kernel_of(final, name), expected)


def test_no_weight_below_the_threshold_is_left_by_training(trained, digits):
    pruning = tfc.pruning.ThresholdPruning(
        0.08, schedule=Linear(0.0, 0.08, finish=0.5), layers={"logits": 0.02}
    )
    model = pruning.apply(trained)
    train(model, digits[0], epochs=2, callbacks=pruning.callbacks())
    final = pruning.finalize(model)
    for name in LAYERS:
        kernel = np.abs(kernel_of(final, name))
        threshold = 0.02 if name == "logits" else 0.08
        assert kernel[kernel > 0].min() >= np.float32(threshold)
        assert (kernel == 0).any()


def test_schedule_moves_the_threshold(trained, digits):
    pruning = tfc.pruning.ThresholdPruning(0.2, schedule=Linear(0.0, 0.2))
    model = pruning.apply(trained)
    zeros = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = model.get_layer("conv2").layer.kernel.numpy()
            zeros.append(int((kernel == 0).sum()))

    train_gently(model, digits, [*pruning.callbacks(), Watch()], epochs=4)
    sizes = np.abs(kernel_of(trained, "conv2"))
    expected = [int((sizes < share * 0.2).sum()) for share in (0.25, 0.5, 0.75, 1)]
    np.testing.assert_allclose(zeros, expected, atol=6)


def test_config_round_trip():
    pruning = tfc.pruning.ThresholdPruning(
        0.1,
        schedule=Linear(0.0, 0.1),
        layers={"conv*": 0.2, "logits": None},
        ignored=["conv1", -1],
        minimum_size=9,
        policy="xnnpack",
    )
    again = tfc.pruning.ThresholdPruning.from_config(pruning.get_config())
    assert again.get_config() == pruning.get_config()


# Bad input.


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf"), "0.1", True])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ArgumentError, match="Received: threshold="):
        tfc.pruning.ThresholdPruning(threshold)


def test_schedule_that_ends_elsewhere():
    with pytest.raises(ArgumentError, match=r"must end at the threshold, 0\.1"):
        tfc.pruning.ThresholdPruning(0.1, schedule=Constant(0.2))


def test_a_kernel_that_would_vanish(trained):
    with pytest.raises(ArgumentError, match="Every weight of layer 'conv1'"):
        tfc.pruning.ThresholdPruning(50.0).apply(trained)


def test_finalize_before_training(trained):
    pruning = tfc.pruning.ThresholdPruning(0.1, schedule=Linear(0.0, 0.1))
    with pytest.raises(ModelError, match=r"callbacks=callbacks\(\)"):
        pruning.finalize(pruning.apply(trained))
