import dataclasses

import numpy as np
import pytest

from tests.graph import channel_models
from tfcompress.errors import ArgumentError
from tfcompress.graph import (
    Graph,
    Layer,
    Node,
    Tensor,
    TensorSpec,
    Weight,
    find_groups,
)
from tfcompress.keras_compat import read


def groups(name, **arguments):
    graph = read(getattr(channel_models, name)())
    return {group.name: group for group in find_groups(graph, **arguments)}


def places(group):
    """Where each slice has the channels, as a dict of lists."""
    return {f"{p.layer}/{p.path}/{p.axis}": p.channels.tolist() for p in group.slices}


def free(found):
    return {name: group.width for name, group in found.items() if not group.frozen}


def test_residual_addition_couples_what_it_adds():
    found = groups("residual")
    assert free(found) == {"a": 4}
    everywhere = [0, 1, 2, 3]
    assert places(found["a"]) == {
        "a/kernel/3": everywhere,
        "a/bias/0": everywhere,
        "bn/gamma/0": everywhere,
        "bn/beta/0": everywhere,
        "bn/moving_mean/0": everywhere,
        "bn/moving_variance/0": everywhere,
        "b/kernel/2": everywhere,
        "b/kernel/3": everywhere,
        "b/bias/0": everywhere,
        "out/kernel/2": everywhere,
    }
    assert found["a"].producers == ("a", "b")
    assert found["a"].carriers == ("bn",)
    assert found["a"].consumers == ("b", "out")


def test_what_the_model_returns_is_frozen():
    group = groups("residual")["out"]
    assert group.frozen
    assert group.reason == "returned by the model"


def test_gate_is_tied_to_what_it_multiplies():
    found = groups("squeeze_excite")
    assert free(found) == {"a": 6, "squeeze": 2}
    assert found["a"].producers == ("a", "excite")
    assert found["a"].consumers == ("squeeze", "out")


def test_concatenation_and_multiplier_place_channels_behind_each_other():
    found = groups("concatenated")
    assert free(found) == {"a": 2, "b": 3}
    assert places(found["b"]) == {
        "b/kernel/3": [0, 1, 2],
        "b/bias/0": [0, 1, 2],
        "depthwise/kernel/2": [-1, -1, 0, 1, 2],
        "depthwise/bias/0": [-1, -1, -1, -1, 0, 0, 1, 1, 2, 2],
        "out/kernel/2": [-1, -1, -1, -1, 0, 0, 1, 1, 2, 2],
    }


def test_grouped_convolution_loses_the_same_places_in_every_group():
    found = groups("grouped")
    assert free(found) == {"a": 2, "grouped": 3}
    assert places(found["a"]) == {
        "a/kernel/3": [0, 1, 0, 1],
        "a/bias/0": [0, 1, 0, 1],
        "grouped/kernel/2": [0, 1],
    }
    assert places(found["grouped"])["out/kernel/2"] == [0, 1, 2, 0, 1, 2]
    assert (found["a"].copies, found["grouped"].copies) == (2, 2)


def test_flatten_interleaves():
    found = groups("flattened")
    assert places(found["a"])["out/kernel/0"] == [0, 1, 2] * 4
    rows = {part.layer: part for part in found["a"].slices}["out"].indices(1)
    assert rows.tolist() == [1, 4, 7, 10]


def test_separable_and_transposed_convolutions_and_prelu():
    found = groups("separable")
    assert free(found) == {"a": 3, "separable": 4, "transposed": 5}
    assert places(found["a"]) == {
        "a/kernel/3": [0, 1, 2],
        "a/bias/0": [0, 1, 2],
        "separable/depthwise_kernel/2": [0, 1, 2],
        "separable/pointwise_kernel/2": [0, 0, 1, 1, 2, 2],
    }
    assert places(found["separable"])["transposed/kernel/3"] == [0, 1, 2, 3]
    assert places(found["transposed"])["transposed/kernel/2"] == [0, 1, 2, 3, 4]
    assert places(found["transposed"])["prelu/alpha/2"] == [0, 1, 2, 3, 4]


def test_gates_of_recurrent_layers_lie_side_by_side():
    found = groups("recurrent")
    assert free(found) == {"lstm": 4, "both": 3, "each": 4}
    assert found["lstm"].copies == 1
    assert places(found["lstm"]) == {
        "lstm/0/kernel/1": [0, 1, 2, 3] * 4,
        "lstm/0/recurrent_kernel/1": [0, 1, 2, 3] * 4,
        "lstm/0/bias/0": [0, 1, 2, 3] * 4,
        "lstm/0/recurrent_kernel/0": [0, 1, 2, 3],
        "both/0/0/kernel/0": [0, 1, 2, 3],
        "both/1/0/kernel/0": [0, 1, 2, 3],
    }
    both = places(found["both"])
    assert both["both/1/0/bias/1"] == [0, 1, 2] * 3
    assert both["each/0/kernel/0"] == [0, 1, 2, 0, 1, 2]


def test_attention_has_heads_and_widths():
    found = groups("attention")
    assert free(found) == {
        "embedding": 6,
        "attention:heads": 3,
        "attention:key_dim": 4,
        "attention:value_dim": 4,
    }
    assert places(found["attention:value_dim"]) == {
        "attention/2/kernel/2": [0, 1, 2, 3],
        "attention/2/bias/1": [0, 1, 2, 3],
        "attention/3/kernel/1": [0, 1, 2, 3],
    }
    assert found["embedding"].producers == ("embedding", "attention")


def test_layer_normalization_is_said_to_compute_a_mean():
    found = groups("normalized")
    assert found["a"].changes_statistics == ("norm",)
    assert found["a"].carriers == ("norm",)
    assert "mean over it: norm" in str(found["a"])


def test_shared_layer_unites_its_calls():
    found = groups("shared")
    assert free(found) == {"twice": 4}
    assert places(found["twice"])["out/kernel/0"] == [0, 1, 2, 3]


def test_split_and_slice_follow_positions():
    found = groups("sliced")
    assert free(found) == {"a": 1, "a:2": 2}  # The slice has only the latter.
    assert places(found["a"])["a/kernel/3"] == [0, -1, -1, 0, -1, -1]
    assert places(found["a:2"])["a/kernel/3"] == [-1, 0, 1, -1, 0, 1]
    assert places(found["a:2"])["out/kernel/2"] == [-1, 0, 1, 0, 1]


def test_parts_of_a_joined_tensor_are_groups_of_their_own():
    found = groups("joined_parts")
    assert free(found) == {"a": 2, "b": 3}
    assert places(found["b"]) == {
        "b/kernel/3": [0, 1, 2],
        "b/bias/0": [0, 1, 2],
        "whole/kernel/3": [-1, -1, 0, 1, 2],
        "whole/bias/0": [-1, -1, 0, 1, 2],
        "out/kernel/2": [-1, -1, 0, 1, 2],
    }
    assert found["b"].producers == ("b", "whole")


def test_unknown_operation_freezes():
    found = groups("unknown")
    assert free(found) == {}
    assert found["a"].reason == "ops.roll 'roll' is not known"
    assert str(found["a"]).startswith("a: 4 channels, frozen: ops.roll")


def test_weight_that_is_not_known_freezes():
    graph = read(channel_models.flattened())
    out = graph.layers["out"]
    more = (*out.weights, Weight("scale", np.ones(12, "float32")))
    layers = {**graph.layers, "out": dataclasses.replace(out, weights=more)}
    first, *_ = find_groups(dataclasses.replace(graph, layers=layers))
    assert first.reason == "Dense 'out' has a weight 'scale', which is not known"


def test_channels_first_freezes():
    graph = read(channel_models.flattened())
    a = graph.layers["a"]
    other = dataclasses.replace(a, config={**a.config, "data_format": "channels_first"})
    graph = dataclasses.replace(graph, layers={**graph.layers, "a": other})
    assert all(group.frozen for group in find_groups(graph))


def test_layer_of_another_library_freezes():
    graph = read(channel_models.flattened())
    flat = dataclasses.replace(graph.layers["flat"], type=type("Flatten", (), {}))
    graph = dataclasses.replace(graph, layers={**graph.layers, "flat": flat})
    first, *_ = find_groups(graph)
    assert first.reason == "Flatten 'flat' is not known"


def test_gate_of_one_channel_is_not_tied():
    spec = (TensorSpec((None, 4, 4, 3), "float32"),)
    wide = (TensorSpec((None, 4, 4, 5), "float32"),)
    one = (TensorSpec((None, 4, 4, 1), "float32"),)
    layers = [
        Layer("x", "InputLayer"),
        Layer("a", "Conv2D", {"filters": 5}),
        Layer("gate", "Conv2D", {"filters": 1}),
        Layer("times", "ops.multiply"),
        Layer("out", "Conv2D", {"filters": 3}),
    ]
    nodes = (
        Node("x", "x", outputs=spec),
        Node("a", "a", (Tensor("x"),), outputs=wide),
        Node("gate", "gate", (Tensor("x"),), outputs=one),
        Node("times", "times", (Tensor("a"), Tensor("gate")), outputs=wide),
        Node("out", "out", (Tensor("times"),), outputs=spec),
    )
    named = {layer.name: layer for layer in layers}
    graph = Graph("net", named, nodes, Tensor("x"), Tensor("out"))
    assert free({g.name: g for g in find_groups(graph)}) == {"a": 5, "gate": 1}


def test_ignored_layers_keep_their_outputs():
    found = groups("concatenated", ignored=["a"])
    assert free(found) == {"b": 3}
    assert found["a"].reason == "'a' is ignored"


def test_ignored_layer_must_exist():
    with pytest.raises(ArgumentError, match="nearest are .*'twice'"):
        groups("shared", ignored=["twise"])


def test_nested_models_must_be_flattened_first():
    inner = Graph("inner", {}, (), Tensor("x"), Tensor("x"))
    graph = Graph("net", {"m": Layer("m", "Model", graph=inner)}, (), [], [])
    with pytest.raises(ArgumentError, match="flatten_models"):
        find_groups(graph)


def test_keep_says_what_stays_of_every_weight():
    kept = groups("concatenated")["b"].keep([0, 2])
    assert kept["b", "kernel", 3].tolist() == [0, 2]
    assert kept["depthwise", "kernel", 2].tolist() == [0, 1, 2, 4]
    assert np.array_equal(kept["out", "kernel", 2], [0, 1, 2, 3, 4, 5, 8, 9])
    with pytest.raises(ArgumentError, match="channels 0 to 2"):
        groups("concatenated")["b"].keep([3])


def test_what_an_ignored_layer_without_weights_returns_is_kept():
    assert free(groups("residual", ignored=["add"])) == {}
    assert free(groups("concatenated", ignored=["both"])) == {}
