import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.models import build_classifier, train
from tests.pruning import channel_networks as networks
from tests.pruning.channel_networks import find_layer, missing, set_to_zero
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.pruning import trial

ChannelPruning = tfc.pruning.ChannelPruning


def images(count=4):
    return np.random.default_rng(1).normal(size=(count, 8, 8, 3)).astype("float32")


def tokens(count=4):
    return np.random.default_rng(1).integers(0, 11, (count, 6)).astype("int32")


def check_equal(small, expected, x):
    expected = np.asarray(expected(x))
    assert np.abs(np.asarray(small(x)) - expected).max() < 1e-4 * np.abs(expected).max()


def vectors(model, names, number=1, row=None):
    """A vector of each layer in which no two numbers are alike."""
    values = {name: find_layer(model, name).get_weights()[number] for name in names}
    return {
        name: value if row is None else value[row] for name, value in values.items()
    }


def removed_of(model, small, names, **arguments):
    before, after = (
        vectors(model, names, **arguments),
        vectors(small, names, **arguments),
    )
    return {name: missing(before[name], after[name]) for name in names}


@pytest.fixture(scope="module")
def cnn(either_keras):
    return networks.build_cnn(either_keras)


@pytest.mark.parametrize("scope", ["global", "local"])
def test_small_model_equals_the_original_with_channels_at_zero(cnn, scope):
    pruning = ChannelPruning(0.5, scope=scope)
    small = pruning.apply(cnn)
    removed = removed_of(cnn, small, networks.CNN_CONSUMERS)
    # 56 channels may go, in eights: 32 and 24 are as near to half, and the more go.
    assert sum(map(len, removed.values())) == 32
    assert not removed["squeeze"]  # No wider than 8.
    for name, channels in removed.items():
        width = find_layer(small, name).get_weights()[1].size
        assert width % 8 == 0
        assert width + len(channels) == find_layer(cnn, name).get_weights()[1].size
    check_equal(small, set_to_zero(cnn, networks.CNN_CONSUMERS, removed), images())


def test_result_is_plain_with_the_same_names_in_the_same_keras(cnn, either_keras):
    small = ChannelPruning(0.5).apply(cnn)
    assert isinstance(small, either_keras.Model)
    before, after = ([(x.name, type(x)) for x in m.layers] for m in (cnn, small))
    assert before == after


def test_finalize_returns_a_copy(cnn):
    pruning = ChannelPruning(0.5)
    small = pruning.apply(cnn)
    final = pruning.finalize(small)
    assert final is not small
    for one, other in zip(final.get_weights(), small.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_given_model_is_not_changed(cnn):
    before = cnn.get_config(), cnn.get_weights()
    ChannelPruning(0.5, round_to=1, steps=2).apply(cnn)
    assert cnn.get_config() == before[0]
    for one, other in zip(cnn.get_weights(), before[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_account_says_what_went_and_what_stayed(cnn):
    pruning = ChannelPruning(0.5, round_to=4, ignored=["mi*"])
    small = pruning.apply(cnn)
    account = pruning.account
    assert set(account.applied) == {
        "stem", "norm", "branch", "depthwise", "point", "excite", "squeeze",
    }  # fmt: skip
    assert set(account.skipped) == {"mix", "out"}
    assert "ignored" in account.skipped["mix"]
    assert "returned by the model" in account.skipped["out"]
    left = find_layer(small, "point").get_weights()[1].size
    assert account.notes["point"] == f"{left} of 24 channels stay"


def test_frozen_layers_stay_frozen(either_keras):
    model = networks.build_cnn(either_keras)
    model.get_layer("branch").trainable = False
    small = ChannelPruning(0.5).apply(model)
    flags = {layer.name: layer.trainable for layer in small.layers}
    assert not flags.pop("branch")
    assert all(flags.values())


def test_recurrent_model_equals_the_original_with_units_at_zero(either_keras):
    model = networks.build_text(either_keras)
    small = ChannelPruning(0.4, round_to=2).apply(model)
    embedding = removed_of(model, small, ["embedding"], number=0, row=0)
    before, after = (m.get_layer("lstm").get_weights()[2] for m in (model, small))
    units = missing(before[:16], after[: len(after) // 4])
    removed = {**embedding, "lstm": units}
    assert sum(map(len, removed.values())) == 12  # 12.8 of 32, in twos.
    check_equal(small, set_to_zero(model, networks.TEXT_CONSUMERS, removed), tokens())


def test_nested_and_shared_layers(either_keras):
    model = networks.build_nested(either_keras)
    small = ChannelPruning(0.5, round_to=4).apply(model)
    assert "inner" not in [layer.name for layer in small.layers]
    removed = removed_of(model, small, ["first", "a", "b"])
    assert sum(map(len, removed.values())) == 28  # Of 56.
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 3)).astype("float32")
    expected = set_to_zero(model, networks.NESTED_CONSUMERS, removed)
    # `b` and `shared` have the same channels, which their two biases must agree on.
    assert removed["b"] == removed_of(model, small, ["shared"])["shared"]
    check_equal(small, expected, x)


def test_sequential_model_stays_sequential(either_keras):
    layers = either_keras.layers
    model = either_keras.Sequential(
        [layers.Input((4,)), layers.Dense(16, name="hidden"), layers.Dense(2)]
    )
    small = ChannelPruning(0.5).apply(model)
    assert isinstance(small, either_keras.Sequential)
    assert small.get_layer("hidden").units == 8


def test_layers_with_a_mean_over_channels_are_noted(either_keras):
    model = networks.build_transformer(either_keras)
    pruning = ChannelPruning(0.5, round_to=4)
    small = pruning.apply(model)
    assert np.isfinite(np.asarray(small(tokens()))).all()
    assert "mean" in pruning.account.notes["norm1"]
    assert small.get_layer("norm1").get_weights()[0].size < 16


def dense_model(kernels):
    """Dense layers without biases, one behind the other, of these kernels."""
    layers = [
        keras.layers.Dense(kernel.shape[1], use_bias=False, name=f"dense{number}")
        for number, kernel in enumerate(kernels)
    ]
    model = keras.Sequential([keras.Input((kernels[0].shape[0],)), *layers])
    model.set_weights(kernels)
    return model


def test_least_important_channels_go_first():
    kernel = np.ones((3, 6), "float32")
    kernel[:, [1, 4]] = 0.1
    kernel[:, 2] = -5.0
    model = dense_model([kernel, np.arange(12.0).reshape(6, 2)])
    small = ChannelPruning(1 / 3, round_to=1).apply(model)
    kept = [0, 2, 3, 5]
    np.testing.assert_array_equal(small.get_weights()[0], kernel[:, kept])
    np.testing.assert_array_equal(
        small.get_weights()[1], np.arange(12.0).reshape(6, 2)[kept]
    )


def test_global_scope_takes_from_where_channels_matter_least():
    first = np.ones((3, 8), "float32")
    first[:, :4] = 0.01  # Half of it far below its mean,
    second = np.ones((8, 8), "float32")  # and nothing to choose here.
    kernels = [first, second, np.ones((8, 2), "float32")]
    small = ChannelPruning(0.25, round_to=1).apply(dense_model(kernels))
    assert [w.shape[1] for w in small.get_weights()] == [4, 8, 2]
    small = ChannelPruning(0.25, round_to=1, scope="local").apply(dense_model(kernels))
    assert [w.shape[1] for w in small.get_weights()] == [6, 6, 2]


def test_every_group_keeps_a_channel():
    kernels = [np.ones((3, 4), "float32"), np.ones((4, 2), "float32")]
    small = ChannelPruning(0.99, round_to=1).apply(dense_model(kernels))
    assert small.get_weights()[0].shape == (3, 1)
    wide = [np.ones((3, 40), "float32"), np.ones((40, 2), "float32")]
    small = ChannelPruning(0.9, round_to=1).apply(dense_model(wide))
    assert small.get_weights()[0].shape == (3, 4)  # A tenth.


def test_nothing_goes_at_a_ratio_of_zero(cnn):
    small = ChannelPruning(0.0).apply(cnn)
    check_equal(small, cnn, images())


def test_steps_come_to_the_same_share_with_training_between(cnn, either_keras):
    seen = []

    def fine_tune(model):
        assert isinstance(model, either_keras.Model)
        seen.append(find_layer(model, "mix").get_weights()[1].size)
        values = find_layer(model, "out").get_weights()
        find_layer(model, "out").set_weights([values[0], values[1] + 7])

    pruning = ChannelPruning(0.6, round_to=1, scope="local", steps=3)
    small = pruning.apply(cnn, fine_tune=fine_tune)
    assert len(seen) == 2  # And not after the last.
    assert 16 > seen[0] > seen[1] > find_layer(small, "mix").get_weights()[1].size
    expected = find_layer(cnn, "out").get_weights()[1] + 14
    np.testing.assert_allclose(find_layer(small, "out").get_weights()[1], expected)
    removed = removed_of(cnn, small, networks.CNN_CONSUMERS)
    assert sum(map(len, removed.values())) == round(0.6 * 64)


@pytest.mark.parametrize("failure", ["raises", "not finite"])
def test_group_whose_cut_fails_is_left_alone(monkeypatch, failure):
    build = trial.keras_compat.build
    model = networks.build_cnn(keras)

    def fails(graph, *, keras):
        built = build(graph, keras=keras)
        if graph.layers["mix"].config["filters"] == 16:
            return built
        if failure == "raises":
            raise ValueError("mix cannot be smaller")
        layer = built.get_layer("mix")
        layer.set_weights([w * np.nan for w in layer.get_weights()])
        return built

    monkeypatch.setattr(trial.keras_compat, "build", fails)
    pruning = ChannelPruning(0.5)
    small = pruning.apply(model)
    reasons = {"raises": "mix cannot be smaller", "not finite": "not finite"}
    assert reasons[failure] in pruning.account.skipped["mix"]
    widths = {n: small.get_layer(n).filters for n in ("stem", "point", "mix")}
    # The share is then one of what else may go: 20 of 40 channels, in eights.
    assert widths == {"stem": 8, "point": 8, "mix": 16}


def test_model_that_crossed_to_the_other_keras_comes_back():
    twin = tfc.keras_compat.to_tf_keras(networks.build_cnn(keras))
    small = ChannelPruning(0.5).apply(twin)
    assert isinstance(small, keras.Model)


def test_several_inputs_and_outputs_by_name(either_keras):
    layers = either_keras.layers
    given = {"b": layers.Input((4,), name="b"), "a": layers.Input((2,), name="a")}
    y = layers.Concatenate(name="both")([given["b"], given["a"]])
    y = layers.Dense(16, name="hidden")(y)
    made = {"z": layers.Dense(3, name="z")(y), "c": layers.Dense(1, name="c")(y)}
    small = ChannelPruning(0.5).apply(either_keras.Model(given, made))
    x = {"a": np.ones((2, 2), "float32"), "b": np.ones((2, 4), "float32")}
    assert {k: tuple(v.shape) for k, v in small(x).items()} == {
        "z": (2, 3),
        "c": (2, 1),
    }


def test_weights_that_training_broke_are_refused(cnn):
    def fine_tune(model):
        model.set_weights([w * np.nan for w in model.get_weights()])

    with pytest.raises(ModelError, match="the fine-tuned model must be finite"):
        ChannelPruning(0.5, steps=2).apply(cnn, fine_tune=fine_tune)


def test_pruned_student_learns_from_the_whole_teacher(teacher, digits):
    student = ChannelPruning(0.5).apply(teacher)
    x, y = digits[0]
    before = float(np.mean(np.asarray(student(x)).argmax(-1) == y))
    distiller = tfc.Distiller(
        teacher, student, tfc.distillation.LogitsDistillation(temperature=4)
    )
    train(distiller, digits[0], epochs=3)
    after = float(np.mean(np.asarray(student(x)).argmax(-1) == y))
    assert after > max(before, 0.8)


def test_config_round_trip():
    pruning = ChannelPruning(
        macs=0.5,
        importance=tfc.pruning.importance.L2(consumers=True),
        scope="local",
        round_to=4,
        ignored=["stem"],
        steps=2,
    )
    config = pruning.get_config()
    assert config["importance"] == {
        "class_name": "L2",
        "config": {"consumers": True, "normalization": "standard"},
    }
    again = ChannelPruning.from_config(config)
    assert again.get_config() == config
    assert again.importance.consumers
    assert ChannelPruning(0.5).get_config()["importance"] == "l1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ratio": 1.0}, "ratio=1.0"),
        ({"ratio": -0.1}, "ratio=-0.1"),
        ({"ratio": "half"}, "ratio='half'"),
        ({"ratio": float("nan")}, "ratio=nan"),
        ({}, "Exactly one"),
        ({"ratio": 0.5, "macs": 0.5}, "Exactly one"),
        ({"macs": 0}, "macs=0"),
        ({"macs": 1.5}, "macs=1.5"),
        ({"macs": float("inf")}, "macs=inf"),
        ({"bytes": -3}, "bytes=-3"),
        ({"latency_ms": 0}, "latency_ms=0"),
        ({"ratio": 0.5, "importance": "l3"}, "did you mean 'l1'|'l2'"),
        ({"ratio": 0.5, "scope": "all"}, "scope='all'"),
        ({"ratio": 0.5, "round_to": 0}, "round_to=0"),
        ({"ratio": 0.5, "steps": 1.5}, "steps=1.5"),
        ({"ratio": 0.5, "ignored": "stem"}, "ignored='stem'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        ChannelPruning(**arguments)


def test_names_that_match_nothing():
    with pytest.raises(ArgumentError, match="nearest are .*'stem'"):
        ChannelPruning(0.5, ignored=["stam"]).apply(networks.build_cnn(keras))


def test_bad_models(digits):
    with pytest.raises(ModelError, match="must be a Keras 3 or tf_keras model"):
        ChannelPruning(0.5).apply("model")
    model = build_classifier(keras)
    for technique, word in (
        (tfc.pruning.MagnitudePruning(0.5), "pruned"),
        (tfc.quantization.QuantizationAwareTraining(), "quantization-aware"),
    ):
        with pytest.raises(ModelError, match=word):
            ChannelPruning(0.5).apply(technique.apply(model))

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ModelError, match="subclass"):
        ChannelPruning(0.5).apply(Own())


def test_model_without_channels_to_remove():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="out")])
    with pytest.raises(ModelError, match="returned by the model"):
        ChannelPruning(0.5).apply(model)
    narrow = [np.ones((3, 8), "float32"), np.ones((8, 2), "float32")]
    with pytest.raises(ModelError, match="multiple of 8"):
        ChannelPruning(0.5).apply(dense_model(narrow))
    with pytest.raises(ArgumentError, match="fine_tune=3"):
        ChannelPruning(0.5).apply(dense_model(narrow), fine_tune=3)


def test_folded_constants_make_the_cut_exact(either_keras):
    layers = either_keras.layers
    x = layers.Input((6, 6, 3))
    y = layers.Conv2D(16, 3, padding="same", name="a")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.ReLU(name="relu")(y)
    y = layers.Conv2D(16, 3, name="b")(y)
    y = layers.GlobalAveragePooling2D(name="pooled")(y)
    model = either_keras.Model(x, layers.Dense(2, name="out")(y))
    networks.randomized(model)
    kernel, bias = model.get_layer("a").get_weights()
    kernel[..., ::2] = 0  # Eight channels are constants, which are not zero.
    model.get_layer("a").set_weights([kernel, bias])
    pruning = ChannelPruning(0.5, ignored=["b"])
    small = pruning.apply(tfc.pruning.fold_constant_channels(model))
    assert small.get_layer("a").filters == 8
    images = np.random.default_rng(1).normal(size=(4, 6, 6, 3)).astype("float32")
    check_equal(small, model, images)
    lossy = np.asarray(pruning.apply(model)(images))
    assert np.abs(lossy - np.asarray(model(images))).max() > 0.1


def test_places_in_groups_of_a_convolution_count_for_the_round_number():
    """Four groups of four channels: two places of each group are eight channels."""
    x = keras.Input((4, 4, 3))
    y = keras.layers.Conv2D(16, 1, name="before")(x)
    y = keras.layers.Conv2D(16, 3, groups=4, name="grouped")(y)
    model = keras.Model(x, keras.layers.Conv2D(2, 1)(y))
    small = ChannelPruning(0.5, round_to=8, scope="local").apply(model)
    assert small.get_layer("before").filters == 8
    assert small.get_layer("grouped").filters == 8
    assert small.get_layer("grouped").kernel.shape == (3, 3, 2, 8)
