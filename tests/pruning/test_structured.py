import warnings

import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.pruning import channel_networks as networks
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.technique import Account

ChannelPruning, HeadPruning = tfc.pruning.ChannelPruning, tfc.pruning.HeadPruning


@pytest.fixture(scope="module")
def cnn(either_keras):
    """Groups `stem` of 16, `point` of 24, `squeeze` of 8, `mix` of 16 channels."""
    return networks.build_cnn(either_keras)


def build_dense(*widths):
    layers = [
        keras.layers.Dense(width, name=f"dense{number}")
        for number, width in enumerate(widths)
    ]
    return networks.randomized(keras.Sequential([keras.Input((4,)), *layers]))


@pytest.mark.parametrize("ratio", [0.0, {"dense0": 0.0}])
def test_ratio_of_zero_copies_a_model_that_cannot_lose_channels(ratio):
    model = build_dense(8, 2)
    copy = ChannelPruning(ratio).apply(model)
    assert copy is not model
    for one, other in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_error_names_round_to_and_lists_the_reasons():
    message = r"round_to=8 channels stay; give a smaller round_to.*; dense0: has 8 chan"
    with pytest.raises(ModelError, match=message):
        ChannelPruning(0.5).apply(build_dense(8, 2))


@pytest.mark.parametrize(
    ("ratio", "reasons"),
    [
        (0.0, {"mix": "ratio of 0", "stem": "ratio of 0"}),
        (0.01, {"mix": "0.01 rounds to no block", "point": "0.01 rounds to no block"}),
        (
            {"mix": 0.5, "stem": 0.1, "po*": 0.0},
            {"stem": "0.1 rounds to no block", "point": "its ratio is 0"},
        ),
        ({"mix": 0.5}, {"stem": "does not name", "point": "does not name"}),
    ],
)
def test_reasons_of_groups_that_lost_nothing(cnn, ratio, reasons):
    pruning = ChannelPruning(ratio)
    pruning.apply(cnn)
    for name, reason in reasons.items():
        assert reason in pruning.account.skipped[name]


def test_reason_is_the_rank_where_it_is():
    model = build_dense(16, 16, 2)
    weights = model.get_weights()
    weights[0][:, :8] *= 0.01
    weights[1][:8] *= 0.01
    model.set_weights(weights)
    pruning = ChannelPruning(0.25)
    pruning.apply(model)
    assert pruning.account.notes == {"dense0": "8 of 16 channels stay"}
    assert "rank above" in pruning.account.skipped["dense1"]
    pruning = ChannelPruning(0.25, round_to=16, scope="local", ignored=["dense1"])
    with pytest.raises(ModelError, match="has 16 channels"):
        pruning.apply(model)


def test_budget_that_is_met_already():
    pruning = ChannelPruning(macs=10**9)
    pruning.apply(build_dense(16, 2))
    assert "within the budget" in pruning.account.skipped["dense0"]


def build_unfollowed():
    layers = keras.layers
    x = layers.Input((6, 6, 4))
    y = layers.Conv2D(8, 1, groups=2, name="grouped")(x)
    y = layers.SpectralNormalization(layers.Conv2D(8, 1), name="wrapped")(y)
    y = layers.Reshape((6, 48), name="rows")(y)
    cells = [layers.GRUCell(8), layers.GRUCell(8)]
    y = layers.RNN(cells, name="cells")(y)
    y = layers.Dense(16, name="hidden")(y)
    return keras.Model(x, layers.Dense(2, name="out")(y))


def test_kernels_that_are_not_followed_are_in_the_account():
    pruning = ChannelPruning(0.5)
    pruning.apply(build_unfollowed())
    account = pruning.account
    assert account.applied == ("hidden",)
    assert set(account.skipped) == {"grouped", "wrapped", "cells", "out"}
    assert "not known" in account.skipped["wrapped"]
    with pytest.raises(ModelError, match="wrapped: SpectralNormalization"):
        ChannelPruning(0.5, ignored=["hidden"]).apply(build_unfollowed())


def test_channels_first_is_in_the_account():
    x = keras.Input((3, 6, 6))
    y = keras.layers.Conv2D(16, 1, data_format="channels_first", name="first")(x)
    y = keras.layers.Dense(2, name="out")(keras.layers.Flatten()(y))
    with pytest.raises(ModelError, match="first: Conv2D 'first' has its channels firs"):
        ChannelPruning(0.5).apply(keras.Model(x, y))


def test_ratio_out_of_reach_warns():
    # 39.6 of 40 channels are to go, and four of them stay.
    with pytest.warns(UserWarning, match="a share of 0.9 went, of ratio=0.99.*tenth"):
        ChannelPruning(0.99, round_to=1).apply(build_dense(40, 2))
    message = "a share of 0.9 of 'dense0' went, of ratio=0.99"
    with pytest.warns(UserWarning, match=message):
        ChannelPruning({"dense0": 0.99}, round_to=1).apply(build_dense(40, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ChannelPruning(0.9, round_to=1).apply(build_dense(40, 2))


def build_grouped():
    """Four groups of four channels in front of 16 that are free of them."""
    x = keras.Input((4, 4, 3))
    y = keras.layers.Conv2D(16, 1, name="before")(x)
    y = keras.layers.Conv2D(16, 3, groups=4, name="grouped")(y)
    y = keras.layers.Conv2D(16, 1, name="after")(y)
    return keras.Model(x, keras.layers.Conv2D(2, 1, name="out")(y))


def test_account_counts_channels_and_not_places_in_groups():
    pruning = ChannelPruning(0.5, scope="local", ignored=["after"])
    small = pruning.apply(build_grouped())
    assert small.get_layer("before").filters == 8
    assert pruning.account.notes["before"] == "8 of 16 channels stay"
    pruning = ChannelPruning(0.5, round_to=16, ignored=["after"])
    with pytest.raises(ModelError, match="before: has 16 channels.*multiple of 16"):
        pruning.apply(build_grouped())


def test_ratio_is_of_channels_and_not_of_places_in_groups():
    # `before` and `grouped` have 16 channels each, four places in four groups;
    # `after` has 16. Of the 48, 24 go, in eights.
    small = ChannelPruning(0.5).apply(build_grouped())
    left = [small.get_layer(name).filters for name in ("before", "grouped", "after")]
    assert sum(left) == 24


def test_fine_tune_for_one_step_warns():
    with pytest.warns(UserWarning, match="between steps only"):
        ChannelPruning(0.5).apply(build_dense(16, 2), fine_tune=lambda model: None)


def test_fine_tune_trains_in_place():
    pruning = ChannelPruning(0.5, round_to=1, steps=2)
    for allowed in (lambda model: model, lambda model: keras.callbacks.History()):
        pruning.apply(build_dense(16, 2), fine_tune=allowed)
    with pytest.raises(ArgumentError, match="in place"):
        pruning.apply(build_dense(16, 2), fine_tune=keras.models.clone_model)


def test_ignored_holds_names_only():
    model = networks.build_transformer(keras)
    for pruning in (
        ChannelPruning(0.5, ignored=[0]),
        HeadPruning(0.5, ignored=[0]),
        tfc.pruning.LayerPruning(1, data=np.zeros((4, 6)), ignored=[0]),
    ):
        with pytest.raises(ArgumentError, match=r"names of layers.*ignored=\[0\]"):
            pruning.apply(model)


def test_account_reads_well():
    account = Account(("a", "b"), {"c": "too narrow"}, {"a": "8 stay", "d": "a mean"})
    assert str(account).splitlines() == [
        "changed a: 8 stay",
        "changed b",
        "changed d: a mean",
        "left c: too narrow",
    ]


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("taylor", r"Taylor\(\(x, y\), loss="),
        ("activation_statistics", r"ActivationStatistics\(x\)"),
    ],
)
def test_importances_that_need_data_say_so(name, made):
    with pytest.raises(ArgumentError, match=f"looks at data.*importance.{made}"):
        ChannelPruning(0.5, importance=name)
