import keras
import numpy as np
import pytest

from tests.graph import block_models
from tests.graph.test_shrinking import data
from tfcompress.errors import ArgumentError
from tfcompress.graph import (
    Layer,
    Tensor,
    find_blocks,
    flatten_models,
    insert_after,
    remove_blocks,
)
from tfcompress.keras_compat import build, read, to_keras

# For each model, the blocks that can be removed: the layer that gives the branch, and
# how many layers the branch has; counted by hand.
BLOCKS = {
    "basic": {"b": ("b2", 4), "c": ("c2", 4)},
    "inverted": {"sum": ("drop", 7)},
    "transformer": {
        "add": ("drop1", 3),
        "mlp1": ("narrow1", 3),
        "sum2": ("attention2", 1),
        "mlp2": ("narrow2", 2),
    },
    "scaled": {"add": ("scale", 5)},
    "nested_blocks": {"inner": ("second", 1), "outer": ("third", 4)},
}


def graph_of(name):
    keras.utils.clear_session()
    return read(getattr(block_models, name)())


def run(graph, library):
    return keras.tree.flatten(build(graph, keras=library)(data(graph)))


def without_branch(graph, layer):
    """The graph with the branch multiplied by zero."""
    zero = Layer(f"{layer}_zero", "Rescaling", {"scale": 0.0, "offset": 0.0})
    return insert_after(graph, Tensor(layer), zero)


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_found(name):
    found = {b.name: b for b in find_blocks(graph_of(name)) if not b.frozen}
    assert {
        block.name: (block.branch.node, len(block.layers)) for block in found.values()
    } == BLOCKS[name]


@pytest.mark.parametrize(
    "library", ["keras", pytest.param("tf_keras", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", BLOCKS)
def test_without_a_block_is_with_its_branch_times_zero(name, library):
    graph = graph_of(name)
    before = str(graph)
    for block, (branch, count) in BLOCKS[name].items():
        small = remove_blocks(graph, [block])
        # The addition goes too.
        assert len(small.layers) == len(graph.layers) - count - 1
        (result,) = run(small, library)
        (expected,) = run(without_branch(graph, branch), library)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    assert str(graph) == before


def test_scaled_additions_of_inception():
    """The first of its two inputs is the source, whatever the scale."""
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    x = keras.Input((4,))
    y = keras.layers.Dense(4, name="branch")(x)
    kept = CustomScaleLayer(0.2, name="block")([x, y])
    z = CustomScaleLayer(0.2, name="turned")([keras.layers.Dense(4)(kept), kept])
    graph = read(keras.Model(x, z))
    first, second = find_blocks(graph)
    assert first.layers == ("branch",)
    assert second.frozen
    zeroed = without_branch(graph, "branch")
    (small,), (expected,) = (
        run(remove_blocks(graph, ["block"]), "keras"),
        run(zeroed, "keras"),
    )
    np.testing.assert_allclose(small, expected, rtol=1e-5)


def test_several_blocks_go_at_once():
    graph = graph_of("transformer")
    small = remove_blocks(graph, ["mlp2", "sum2", "add"])
    zeroed = graph
    for branch in ("narrow2", "attention2", "drop1"):
        zeroed = without_branch(zeroed, branch)
    for one, other in zip(run(small, "keras"), run(zeroed, "keras"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert [b.name for b in find_blocks(small)] == ["mlp1"]


def test_outer_block_takes_the_inner_one_with_it():
    graph = graph_of("nested_blocks")
    for names in (["outer"], ["inner", "outer"], ["outer", "inner"]):
        small = remove_blocks(graph, names)
        assert [n.name for n in small.nodes][1:] == ["stem", "out"]
    assert [b.name for b in find_blocks(remove_blocks(graph, ["inner"]))] == ["outer"]


def test_models_of_tf_keras_and_operators():
    tf_keras = pytest.importorskip("tf_keras")
    x = tf_keras.Input((4,))
    y = x + tf_keras.layers.Dense(4, name="one")(x)
    y = tf_keras.layers.Dense(4, name="two")(y) + y
    graph = read(tf_keras.Model(x, tf_keras.layers.Dense(2)(y)))
    found = [b for b in find_blocks(graph) if not b.frozen]
    assert [b.layers for b in found] == [("one",), ("two",)]
    small = remove_blocks(graph, [b.name for b in found])
    assert len(small.nodes) == 2


def test_what_cannot_be_removed_is_listed_with_the_reason():
    found = {b.name: b.reason for b in find_blocks(graph_of("refused"))}
    neither = "neither of the two that are added is computed from the other"
    assert found == {
        "calls_shared": "layer 'shared' in its branch is called elsewhere too",
        "branch_is_used": "'seen' in its branch is used elsewhere too",
        "two_inputs": neither,
        "broadcast": neither,
        "three": "it does not add two tensors",
        "itself": "it does not add two tensors",
        "joined": "its branch is concatenated with its source, not added",
    }


def test_an_addition_that_spreads_its_source():
    x = keras.Input((4, 1))
    y = keras.layers.Dense(3, name="grown")(x)
    model = keras.Model(x, keras.layers.Dense(2)(keras.layers.Add(name="sum")([x, y])))
    (block,) = find_blocks(read(model))
    assert "shape float32(?, 4, 1), its sum float32(?, 4, 3)" in block.reason


def test_half_of_a_tensor_is_not_the_source_of_the_other_half():
    x = keras.Input((4,))
    one, other = keras.ops.split(x, 2, axis=-1)
    y = one + keras.layers.Dense(2)(other)
    (block,) = find_blocks(read(keras.Model(x, keras.layers.Dense(2)(y))))
    assert block.frozen


def test_a_model_keeps_its_inputs():
    x, z = keras.Input((4,), name="x"), keras.Input((4,), name="z")
    branch = keras.layers.Dense(4)(keras.layers.Concatenate()([x, z]))
    y = keras.layers.Add(name="sum")([x, branch])
    (block,) = find_blocks(read(keras.Model([x, z], keras.layers.Dense(2)(y))))
    assert block.reason == "the input 'z' of the model is used nowhere else"


def test_the_last_addition_may_be_what_the_model_returns():
    x = keras.Input((4,))
    y = keras.layers.Add(name="one")([x, keras.layers.Dense(4)(x)])
    y = keras.layers.Add(name="two")([y, keras.layers.Dense(4)(y)])
    graph = read(keras.Model(x, y))
    whole = keras.Model(x, y)(data(graph))
    assert not np.allclose(run(remove_blocks(graph, ["two"]), "keras")[0], whole)
    for library in ("keras", "tf_keras"):
        (left,) = run(remove_blocks(graph, ["one", "two"]), library)
        np.testing.assert_array_equal(left, data(graph))


def test_second_input_of_a_branch_stays():
    """As in a decoder, whose attention looks at another sequence."""
    x, z = keras.Input((5, 4)), keras.Input((3, 4))
    seen = keras.layers.Dense(4, name="encoder")(z)
    y = keras.layers.MultiHeadAttention(2, 2, name="cross")(x, seen)
    y = keras.layers.Add(name="sum")([x, y])
    y = keras.layers.Dense(2)(y)
    graph = read(keras.Model([x, z], [y, keras.layers.Dense(1)(seen)]))
    (block,) = find_blocks(graph)
    assert block.layers == ("cross",)
    assert "encoder" in remove_blocks(graph, ["sum"]).layers


def test_one_addition_layer_may_be_called_for_every_block():
    add = keras.layers.Add(name="add")
    x = keras.Input((4,))
    y = x
    for name in ("one", "two", "three"):
        y = add([y, keras.layers.Dense(4, name=name)(y)])
    graph = read(keras.Model(x, keras.layers.Dense(2)(y)))
    found = [b.name for b in find_blocks(graph) if not b.frozen]
    assert found == ["add", "add:1", "add:2"]
    small = read(build(remove_blocks(graph, ["add", "add:2"]), keras="keras"))
    assert set(small.layers) >= {"two", "add"}
    assert not {"one", "three"} & set(small.layers)


@pytest.mark.parametrize(
    ("family", "count"),
    [("MobileNetV2", 10), ("EfficientNetB0", 9), ("ConvNeXtTiny", 18)],
)
def test_blocks_of_applications(family, count):
    """One for each repetition of a stage after its first, as in the papers."""
    network = getattr(keras.applications, family)(
        input_shape=(32, 32, 3), weights=None, classes=5
    )
    found = find_blocks(flatten_models(read(network)))
    assert sum(not block.frozen for block in found) == count


def test_messages():
    graph = graph_of("basic")
    with pytest.raises(ArgumentError, match=r"\['b', 'c'\]. Received: 'a' .neither"):
        remove_blocks(graph, ["a"])
    with pytest.raises(ArgumentError, match="Received: 'nowhere'"):
        remove_blocks(graph, ["b", "nowhere"])
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    outer = keras.Sequential([keras.Input((4,)), inner])
    with pytest.raises(ArgumentError, match="flatten_models"):
        find_blocks(read(outer))


def test_a_block_prints_itself():
    first, second, _ = find_blocks(graph_of("basic"))
    assert str(first).startswith("a: frozen: neither")
    assert str(second) == "b: %a_out + (b1, b_norm, b_relu, b2)"


def test_a_model_of_tf_keras_crosses_without_its_blocks():
    tf_keras = pytest.importorskip("tf_keras")
    x = tf_keras.Input((4,))
    y = tf_keras.layers.Add(name="sum")([x, tf_keras.layers.Dense(4)(x)])
    model = tf_keras.Model(x, tf_keras.layers.Dense(2)(y))
    small = build(remove_blocks(read(model), ["sum"]), keras="tf_keras")
    assert len(to_keras(small).layers) == 2
