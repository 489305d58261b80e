import keras
import numpy as np
import pytest

from tests.graph import channel_models
from tfcompress.errors import ArgumentError
from tfcompress.graph import (
    Layer,
    Tensor,
    find_groups,
    flatten_models,
    insert_after,
    remove_channels,
)
from tfcompress.keras_compat import build, read

# The channels removed from each group, and the places of the tensors, worked out by
# hand, at which the original has zeros instead.
CASES = {
    "residual": ({"a": [1, 3]}, {"a": [1, 3], "relu": [1, 3], "b": [1, 3]}),
    "squeeze_excite": (
        {"a": [0, 4], "squeeze": [1]},
        {"a": [0, 4], "squeeze": [1], "gated": [0, 4]},
    ),
    "concatenated": (
        {"a": [1], "b": [0, 2]},
        {"both": [1, 2, 4], "depthwise": [2, 3, 4, 5, 8, 9]},
    ),
    "grouped": (
        {"a": [1], "grouped": [0, 2]},
        {"a": [1, 3], "grouped": [0, 2, 3, 5]},
    ),
    "depthwise_by_groups": ({"a": [0, 2]}, {"thin": [0, 1, 4, 5]}),
    "flattened": ({"a": [1]}, {"flat": [1, 4, 7, 10]}),
    "separable": (
        {"a": [2], "separable": [0, 1], "transposed": [3]},
        {"a": [2], "separable": [0, 1], "prelu": [3]},
    ),
    "recurrent": ({"each": [0, 3]}, {"each": [0, 3]}),
    "attention": ({"embedding": [0, 5]}, {"embedding": [0, 5], "add": [0, 5]}),
    "shared": ({"twice": [2]}, {"difference": [2]}),
    "blocks": (
        {"stem": [0, 5], "one_c": [1], "two_c": [2, 3]},
        {
            "last": [0, 5],
            "one_a": [1],
            "two_a": [2, 3],
            "one_n": [0, 5],
            "two_n": [0, 5],
        },
    ),
    "moved": ({"a": [1]}, {"a": [1]}),
    "scored": ({"a": [1], "b": [0]}, {"a": [1], "b": [0]}),
    "sliced": ({"a:2": [0]}, {"a": [1, 4]}),
    "joined_parts": (
        {"a": [0], "b": [0, 2]},
        {"both": [0, 2, 4], "whole": [0, 2, 4]},
    ),
    "joined_with_noise": ({"a": [1], "b": [0]}, {"sum": [1], "b": [0]}),
}


def chosen(graph, removed):
    found = {group.name: group for group in find_groups(graph)}
    return {found[name]: indices for name, indices in removed.items()}


def masked(graph, zeros):
    """The graph with zeros at these places of the last axis of these tensors."""
    for name, places in zeros.items():
        scale = np.ones(graph.node(name).outputs[0].shape[-1])
        scale[places] = 0
        mask = Layer(f"{name}_mask", "Rescaling", {"scale": list(scale), "offset": 0.0})
        graph = insert_after(graph, Tensor(name), mask)
    return graph


def data(graph, batch=3):
    generator = np.random.default_rng(1)
    inputs = graph.inputs if isinstance(graph.inputs, list) else [graph.inputs]
    arrays = []
    for tensor in inputs:
        spec = graph.node(tensor.node).outputs[0]
        shape = (batch, *spec.shape[1:])
        whole = spec.dtype.startswith("int")
        array = (
            generator.integers(0, 7, shape) if whole else generator.normal(size=shape)
        )
        arrays.append(array.astype(spec.dtype))
    return arrays if isinstance(graph.inputs, list) else arrays[0]


def run(graph, library="keras"):
    return np.asarray(build(graph, keras=library)(data(graph)))


def check_equal(small, expected):
    assert small.shape == expected.shape
    assert np.abs(expected).max() > 1e-3
    assert np.abs(small - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", CASES)
def test_shrunken_model_equals_the_masked_original(name, library):
    removed, zeros = CASES[name]
    graph = read(getattr(channel_models, name)())
    small = remove_channels(graph, chosen(graph, removed))
    assert small.count_weights() < graph.count_weights()
    check_equal(run(small, library), run(masked(graph, zeros)))


def with_zeros(graph, layer, values):
    changed = graph.layers[layer].with_weights(values)
    layers = {**graph.layers, layer: changed}
    return type(graph)(graph.name, layers, graph.nodes, graph.inputs, graph.outputs)


def zeroed(graph, layer, path, axis, places):
    value = graph.layers[layer].weight(path).copy()
    np.moveaxis(value, axis, 0)[places] = 0
    return with_zeros(graph, layer, {path: value})


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_units_of_recurrent_layers_go_from_their_own_step_too(library):
    graph = read(channel_models.recurrent())
    removed = {"lstm": [1], "both": [0, 2]}
    small = remove_channels(graph, chosen(graph, removed))
    original = zeroed(graph, "lstm", "0/recurrent_kernel", 0, [1])
    original = zeroed(original, "both", "0/0/kernel", 0, [1])
    original = zeroed(original, "both", "1/0/kernel", 0, [1])
    original = zeroed(original, "both", "0/0/recurrent_kernel", 0, [0, 2])
    original = zeroed(original, "both", "1/0/recurrent_kernel", 0, [0, 2])
    original = zeroed(original, "each", "0/kernel", 0, [0, 2, 3, 5])
    check_equal(run(small, library), run(original))


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_heads_and_their_widths_go(library):
    graph = read(channel_models.attention())
    removed = {
        "attention:heads": [1],
        "attention:key_dim": [0, 3],
        "attention:value_dim": [2],
    }
    small = remove_channels(graph, chosen(graph, removed))
    original = zeroed(graph, "attention", "0/kernel", 2, [0, 3])
    original = zeroed(original, "attention", "0/bias", 1, [0, 3])
    original = zeroed(original, "attention", "3/kernel", 0, [1])
    original = zeroed(original, "attention", "3/kernel", 1, [2])
    config = small.layers["attention"].config
    assert (config["num_heads"], config["key_dim"], config["value_dim"]) == (2, 2, 3)
    check_equal(run(small, library), run(original))


def test_layer_normalization_is_computed_over_what_is_left():
    graph = read(channel_models.normalized())
    small = remove_channels(graph, chosen(graph, {"a": [1]}))
    x = data(graph).astype("float64")
    kept = [0, 2, 3]
    weight = {
        (name, w.path): w.value.astype("float64")
        for name, layer in graph.layers.items()
        for w in layer.weights
    }
    y = x @ weight["a", "kernel"][:, kept] + weight["a", "bias"][kept]
    y = y - y.mean(-1, keepdims=True)
    y = y / np.sqrt((y**2).mean(-1, keepdims=True) + 1e-3)
    y = y * weight["norm", "gamma"][kept] + weight["norm", "beta"][kept]
    y = y @ weight["out", "kernel"][kept] + weight["out", "bias"]
    check_equal(run(small), y)


def test_graph_knows_its_new_shapes_and_the_old_one_stays():
    graph = read(channel_models.squeeze_excite())
    before = str(graph)
    small = remove_channels(graph, chosen(graph, {"a": [0, 4], "squeeze": [1]}))
    assert small.node("shape").outputs[0].shape == (None, 1, 1, 4)
    assert small.layers["shape"].config["target_shape"] == [1, 1, 4]
    assert small.layers["squeeze"].config["filters"] == 1
    assert str(graph) == before
    assert str(small) == str(read(build(small, keras="keras")))


def test_frozen_and_foreign_groups_and_whole_groups_are_refused():
    graph = read(channel_models.residual())
    found = {group.name: group for group in find_groups(graph)}
    with pytest.raises(ArgumentError, match="returned by the model"):
        remove_channels(graph, {found["out"]: [0]})
    with pytest.raises(ArgumentError, match="all 4 channels"):
        remove_channels(graph, {found["a"]: range(4)})
    with pytest.raises(ArgumentError, match="channels 0 to 3"):
        remove_channels(graph, {found["a"]: [4]})
    other = read(channel_models.flattened())
    with pytest.raises(ArgumentError, match="must be those"):
        remove_channels(other, {found["a"]: [0]})


def test_mobilenet_loses_a_quarter_of_every_group():
    network = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, weights=None, classes=5
    )
    graph = flatten_models(read(network))
    free = [group for group in find_groups(graph) if not group.frozen]
    # The stem, 16 expansions, 7 widths of projections and the last convolution.
    assert len(free) == 25
    small = remove_channels(graph, {g: range(g.width // 4) for g in free})
    assert small.count_weights() < 0.6 * graph.count_weights()
    for library in ("keras", "tf_keras"):
        outputs = run(small, library)
        assert outputs.shape == (3, 5)
        assert np.isfinite(outputs).all()
