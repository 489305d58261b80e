import keras
import numpy as np
import pytest

import tfcompress as tfc
from tests.pruning import channel_networks as networks
from tfcompress.errors import ArgumentError, ModelError

X = np.random.default_rng(0).integers(0, 11, (4, 6)).astype("int32")


def test_heads_go_and_the_rest_computes_the_same(either_keras):
    model = networks.build_transformer(either_keras)
    pruning = tfc.pruning.HeadPruning(0.5)
    small = pruning.apply(model)
    before, after = (m.get_layer("attention").get_weights() for m in (model, small))
    assert after[0].shape == (16, 2, 8)
    # Heads are known by the bias of their queries; those gone add nothing.
    gone = [
        head
        for head in range(4)
        if not any((before[1][head] == b).all() for b in after[1])
    ]
    assert len(gone) == 2
    weights = [w.copy() for w in before]
    weights[6][gone] = 0
    masked = networks.build_transformer(either_keras)
    masked.get_layer("attention").set_weights(weights)
    expected = np.asarray(masked(X))
    error = np.abs(np.asarray(small(X)) - expected).max()
    assert error < 1e-4 * np.abs(expected).max()
    assert pruning.account.applied == ("attention",)
    assert pruning.account.notes == {"attention": "2 of 4 heads stay"}
    assert isinstance(pruning.finalize(small), either_keras.Model)


def test_least_important_heads_go():
    model = networks.build_transformer(keras)
    weights = model.get_layer("attention").get_weights()
    for kernel in (0, 2, 4):
        weights[kernel][:, 2] *= 0.1
    model.get_layer("attention").set_weights(weights)
    small = tfc.pruning.HeadPruning(0.25).apply(model)
    np.testing.assert_array_equal(
        small.get_layer("attention").get_weights()[1], weights[1][[0, 1, 3]]
    )


def test_one_head_stays():
    small = tfc.pruning.HeadPruning(0.99).apply(networks.build_transformer(keras))
    assert small.get_layer("attention").num_heads == 1


def test_config_round_trip():
    pruning = tfc.pruning.HeadPruning(0.5, importance="l2", ignored=["first"])
    config = {"ratio": 0.5, "importance": "l2", "ignored": ["first"]}
    assert pruning.get_config() == config
    assert tfc.pruning.HeadPruning.from_config(config).get_config() == config


def test_bad_input():
    with pytest.raises(ArgumentError, match="ratio=1"):
        tfc.pruning.HeadPruning(1)
    with pytest.raises(ModelError, match="no MultiHeadAttention whose heads can go"):
        tfc.pruning.HeadPruning(0.5).apply(networks.build_cnn(keras))
    with pytest.raises(ModelError, match="attention:heads.*ignored"):
        tfc.pruning.HeadPruning(0.5, ignored=["attention"]).apply(
            networks.build_transformer(keras)
        )
