import itertools

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import build_classifier, train
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat.tfmot_layers import pruned_layers
from tfcompress.schedules import Constant, Polynomial

KERNELS = ("conv1", "conv2", "logits")


def zeros(model, name):
    kernel = np.asarray(model.get_layer(name).kernel)
    return int((kernel == 0).sum()), kernel.size


@pytest.fixture(scope="module")
def pruned(trained, digits):
    pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
    model = pruning.apply(trained)
    train(model, digits[0], epochs=16, callbacks=pruning.callbacks())
    return pruning, model, pruning.finalize(model)


def test_result_is_a_plain_model_of_the_users_keras(pruned, trained, either_keras):
    _, _, final = pruned
    assert isinstance(final, either_keras.Model)
    assert [layer.name for layer in final.layers] == [
        layer.name for layer in trained.layers
    ]
    assert [type(layer) for layer in final.layers] == [
        type(layer) for layer in trained.layers
    ]


def test_share_of_zeros_is_the_one_asked_for(pruned):
    for name in KERNELS:
        count, size = zeros(pruned[2], name)
        assert abs(count - 0.8 * size) <= 1


def test_final_model_does_what_the_pruned_one_did(pruned, digits):
    _, model, final = pruned
    x = digits[1][0]
    np.testing.assert_allclose(
        np.asarray(final(x)), np.asarray(model(x, training=False)), atol=1e-5
    )


def test_pruned_model_still_works(pruned, digits):
    x, y = digits[1]
    assert (np.asarray(pruned[2](x)).argmax(-1) == y).mean() > 0.8


def test_given_model_is_not_changed(trained, digits):
    before = [w.copy() for w in trained.get_weights()]
    optimizer = trained.optimizer
    pruning = tfc.pruning.MagnitudePruning(0.5)
    model = pruning.apply(trained)
    train(model, digits[0], epochs=1, callbacks=pruning.callbacks())
    pruning.finalize(model)
    assert trained.optimizer is optimizer
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_apply_alone_changes_no_output(trained, digits):
    x = digits[1][0]
    model = tfc.pruning.MagnitudePruning(0.9).apply(trained)
    np.testing.assert_allclose(
        np.asarray(model(x, training=False)), np.asarray(trained(x)), atol=1e-5
    )


def smallest(kernel, share):
    """Where the smallest weights of a kernel are."""
    kernel = np.abs(np.asarray(kernel))
    return kernel < np.sort(kernel.ravel())[round(share * kernel.size)]


def test_one_shot_needs_no_training(trained, digits, either_keras):
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.75))
    model = pruning.apply(trained)
    for layer in pruned_layers(model):
        np.testing.assert_array_equal(
            layer.layer.kernel.numpy() == 0,
            smallest(trained.get_layer(layer.name).kernel, 0.75),
        )
    final = pruning.finalize(model)
    assert isinstance(final, either_keras.Model)
    for name in KERNELS:
        before, after = (np.asarray(m.get_layer(name).kernel) for m in (trained, final))
        gone = smallest(before, 0.75)
        np.testing.assert_array_equal(after, np.where(gone, 0, before))
        assert not (before == 0).any()
    x = digits[1][0]
    np.testing.assert_allclose(
        np.asarray(final(x)), np.asarray(model(x, training=False)), atol=1e-5
    )
    tfc.pruning.recalibrate_batch_norm(final, x)


@pytest.mark.parametrize("with_callbacks", [True, False])
def test_training_after_one_shot_holds_the_zeros(trained, digits, with_callbacks):
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.75))
    model = pruning.apply(trained)
    callbacks = pruning.callbacks() if with_callbacks else []
    train(model, digits[0], epochs=1, callbacks=callbacks)
    final = pruning.finalize(model)
    for name in KERNELS:
        before, after = (np.asarray(m.get_layer(name).kernel) for m in (trained, final))
        np.testing.assert_array_equal(after == 0, smallest(before, 0.75))
        assert np.abs(after - before)[after != 0].max() > 1e-3


@pytest.mark.parametrize("samples", [32, 33, 96])
def test_trainings_of_few_steps_reach_the_sparsity(trained, digits, samples):
    x, y = digits[0][0][:samples], digits[0][1][:samples]
    pruning = tfc.pruning.MagnitudePruning(0.6)
    model = pruning.apply(trained)
    train(model, (x, y), epochs=1, callbacks=pruning.callbacks())
    final = pruning.finalize(model)
    for name in KERNELS:
        count, size = zeros(final, name)
        assert abs(count - 0.6 * size) <= 1


def test_sparsity_never_falls_in_a_second_fit(trained, digits):
    pruning = tfc.pruning.MagnitudePruning(0.7)
    model = pruning.apply(trained)
    for _ in range(2):
        train(model, digits[0], epochs=1, callbacks=pruning.callbacks())
        count, size = zeros(pruning.finalize(model), "conv2")
        assert abs(count - 0.7 * size) <= 1


@pytest.mark.parametrize(
    "optimizer",
    [keras.optimizers.SGD(0.05, momentum=0.9), keras.optimizers.AdamW(1e-3)],
    ids=["momentum", "AdamW"],
)
def test_no_optimizer_revives_a_weight(trained, digits, optimizer):
    pruning = tfc.pruning.MagnitudePruning(schedule=Constant(0.5))
    model = pruning.apply(trained)
    model.compile(
        optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(*digits[0], epochs=2, verbose=0, callbacks=pruning.callbacks())
    count, size = zeros(pruning.finalize(model), "conv2")
    assert abs(count - 0.5 * size) <= 1


def test_schedule_is_followed(trained, digits):
    pruning = tfc.pruning.MagnitudePruning(
        schedule=Polynomial(0.0, 0.8, finish=0.5, power=1)
    )
    model = pruning.apply(trained)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = pruned_layers(model)[1].layer.kernel.numpy()
            seen.append(float((kernel == 0).mean()))

    train(model, digits[0], epochs=4, callbacks=[*pruning.callbacks(), Watch()])
    np.testing.assert_allclose(seen, [0.4, 0.8, 0.8, 0.8], atol=0.02)


@pytest.mark.parametrize("sparsity", [0.7, 0.9])
def test_masks_are_fixed_when_the_sparsity_is_reached(trained, digits, sparsity):
    pruning = tfc.pruning.MagnitudePruning(sparsity)
    model = pruning.apply(trained)
    masks = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            masks.append(pruned_layers(model)[1].masks[0].numpy())

    train(model, digits[0], epochs=4, callbacks=[*pruning.callbacks(), Watch()])
    assert len(masks) == 4 * 19
    changed = [bool((a != b).any()) for a, b in itertools.pairwise(masks)]
    assert any(changed[: 2 * 19])
    assert not any(changed[2 * 19 :])


def test_works_while_distilling(teacher, trained, digits):
    pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
    distiller = tfc.Distiller(
        teacher, pruning.apply(trained), tfc.distillation.LogitsDistillation(4)
    )
    train(distiller, digits[0], epochs=2, callbacks=pruning.callbacks())
    count, size = zeros(pruning.finalize(distiller.student), "conv2")
    assert abs(count - 0.8 * size) <= 1


def test_account_says_what_was_left_out(trained):
    pruning = tfc.pruning.MagnitudePruning(0.5, ignored=["logits"])
    pruning.apply(trained)
    assert pruning.account.applied == ("conv1", "conv2")
    assert pruning.account.skipped["logits"] == "ignored by choice"
    assert "BatchNormalization" in pruning.account.skipped["norm1"]


def test_config_round_trip():
    pruning = tfc.pruning.MagnitudePruning(0.6, ignored=["logits"])
    again = tfc.pruning.MagnitudePruning.from_config(pruning.get_config())
    assert again.get_config() == pruning.get_config()


@pytest.mark.parametrize(
    ("arguments", "sparsity"),
    [
        ({}, 0.8),
        ({"sparsity": 0.3}, 0.3),
        ({"schedule": Constant(0.6)}, 0.6),
        ({"sparsity": 0.6, "schedule": Constant(0.6)}, 0.6),
        ({"structure": "1:4"}, 0.25),
        ({"structure": "2:4", "sparsity": 0.5, "schedule": Constant(0.5)}, 0.5),
        ({"structure": (4, 1)}, 0.8),
    ],
)
def test_sparsity_is_what_the_arguments_say(arguments, sparsity):
    pruning = tfc.pruning.MagnitudePruning(**arguments)
    assert pruning.sparsity == sparsity
    again = tfc.pruning.MagnitudePruning.from_config(pruning.get_config())
    assert again.get_config() == pruning.get_config()
    assert again.sparsity == sparsity


# Bad input.


@pytest.mark.parametrize(
    "arguments",
    [
        {"sparsity": 0.3, "schedule": Constant(0.6)},
        {"sparsity": 0.8, "structure": "2:4"},
        {"schedule": Polynomial(0.0, 0.8), "structure": "2:4"},
    ],
)
def test_arguments_that_say_different_sparsities(arguments):
    with pytest.raises(ArgumentError, match=r"one or the other.*Received: .*0\.[38]"):
        tfc.pruning.MagnitudePruning(**arguments)


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.2, float("nan"), "0.8", True])
def test_sparsity_out_of_range(sparsity):
    with pytest.raises(ArgumentError, match=r"sparsity .*Received: sparsity="):
        tfc.pruning.MagnitudePruning(sparsity=sparsity)


def test_finalize_before_training(trained):
    pruning = tfc.pruning.MagnitudePruning(0.5)
    with pytest.raises(ModelError, match=r"callbacks=callbacks\(\).*Received: 0 zeros"):
        pruning.finalize(pruning.apply(trained))


def test_finalize_of_another_model(trained):
    with pytest.raises(ModelError, match="has no layer being pruned"):
        tfc.pruning.MagnitudePruning(0.5).finalize(trained)


def test_unknown_name_in_ignored(trained):
    with pytest.raises(ArgumentError, match=r"Received: ignored=\['nowhere'\]"):
        tfc.pruning.MagnitudePruning(0.5, ignored=["nowhere"]).apply(trained)


def test_model_without_kernels(either_keras):
    model = either_keras.Sequential(
        [either_keras.layers.Input((4,)), either_keras.layers.ReLU()]
    )
    with pytest.raises(ModelError, match="No layer of the model can be pruned"):
        tfc.pruning.MagnitudePruning(0.5).apply(model)


def test_unbuilt_model(either_keras):
    model = either_keras.Sequential([either_keras.layers.Dense(3)])
    with pytest.raises(ModelError, match="build"):
        tfc.pruning.MagnitudePruning(0.5).apply(model)


def test_a_wrapped_model_is_built_like_the_given_one():
    model = build_classifier(keras, name="kept")
    assert tfc.pruning.MagnitudePruning(0.5).apply(model).name == "kept"
