import numpy as np
import pytest

import tfcompress as tfc
from tests.pruning import channel_networks as networks
from tests.pruning.channel_networks import find_layer
from tfcompress.errors import ArgumentError, ModelError

ChannelPruning = tfc.pruning.ChannelPruning


@pytest.fixture(scope="module")
def cnn(either_keras):
    """Groups `stem` of 16, `point` of 24, `squeeze` of 8, `mix` of 16 channels."""
    return networks.build_cnn(either_keras)


def widths(model):
    names = ("stem", "point", "squeeze", "mix")
    return {name: find_layer(model, name).get_weights()[1].size for name in names}


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ({"stem": 0.5}, (8, 24, 8, 16)),
        ({"point": 0.6, "mix": 0.0}, (16, 8, 8, 16)),
        ({"point": 0.3, "stem": 0.2}, (16, 16, 8, 16)),
        ({"point": 0.0, "*": 0.5}, (8, 24, 8, 8)),
        ({"*": 0.5, "point": 0.0}, (8, 24, 8, 8)),
        ({"s*": 0.5, "*": 0.0}, (8, 24, 8, 16)),
    ],
)
def test_each_group_loses_its_own_share(cnn, ratio, expected):
    small = ChannelPruning(ratio).apply(cnn)
    assert tuple(widths(small).values()) == expected


def test_the_least_important_go(cnn):
    by_group = ChannelPruning({"point": 0.7, "mix": 0.5}).apply(cnn)
    with pytest.warns(UserWarning, match="a share of 0.6 went"):  # 24 of 40.
        together = ChannelPruning(0.99, ignored=["stem", "squeeze"]).apply(cnn)
    for one, other in zip(by_group.weights, together.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_steps_come_nearer_and_nearer(cnn):
    seen = []
    pruning = ChannelPruning({"point": 0.7, "mix": 0.5}, steps=4)
    small = pruning.apply(cnn, fine_tune=lambda model: seen.append(widths(model)))
    # 4.2, 8.4 and 12.6 of 24 are to be gone, 2, 4 and 6 of 16; they go in eights.
    assert [step["point"] for step in seen] == [16, 16, 8]
    assert [step["mix"] for step in seen] == [16, 8, 8]
    assert widths(small) == {"stem": 16, "point": 8, "squeeze": 8, "mix": 8}


def test_what_a_search_allocates(cnn):
    x = np.random.default_rng(0).normal(size=(40, 8, 8, 3)).astype("float32")
    result = tfc.search.sensitivity(
        cnn, x, technique=ChannelPruning(0.5, round_to=4), metric="agreement"
    )
    allocation = result.allocate(macs=0.5)
    small = ChannelPruning(allocation, round_to=4).apply(cnn)
    left = tfc.measurement.summary(small).multiply_adds
    assert left == allocation.after
    assert left <= 0.5 * tfc.measurement.summary(cnn).multiply_adds


def test_config_round_trip():
    config = ChannelPruning({"point": 0.5}).get_config()
    assert config["ratio"] == {"point": 0.5}
    assert ChannelPruning.from_config(config).get_config() == config


def test_names(cnn):
    with pytest.raises(ArgumentError, match=r"nearest are \['point', .*'points': 0.5"):
        ChannelPruning({"points": 0.5}).apply(cnn)
    with pytest.raises(ArgumentError, match="'out' cannot lose channels: returned"):
        ChannelPruning({"out": 0.5}).apply(cnn)
    assert widths(ChannelPruning({"out": 0.0, "mix": 0.5}).apply(cnn))["mix"] == 8
    with pytest.raises(ModelError, match="No channel of the model can be removed"):
        ChannelPruning({"mix": 0.5}, ignored=["*"]).apply(cnn)


@pytest.mark.parametrize("ratio", [{}, {3: 0.5}, {"mix": 1.0}, {"mix": -0.1}])
def test_ratios_out_of_range(ratio):
    with pytest.raises(ArgumentError, match="Received: ratio="):
        ChannelPruning(ratio)
    with pytest.raises(ArgumentError, match="Exactly one of ratio"):
        ChannelPruning({"mix": 0.5}, macs=0.5)
