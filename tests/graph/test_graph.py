import subprocess
import sys

import numpy as np
import pytest

from tfcompress.errors import ArgumentError
from tfcompress.graph import (
    Graph,
    Layer,
    Node,
    Tensor,
    TensorSpec,
    Weight,
    canonical_names,
    cast_to_float32,
    cut,
    drop_training_layers,
    flatten_models,
    fold_batch_normalization,
    fuse_activations,
    insert_after,
    remove_node,
    replace_layer,
    split_activations,
    tap,
)

F4 = (TensorSpec((None, 4), "float32"),)


def dense(name, activation="linear", **changes):
    kernel = Weight("kernel", np.arange(16, dtype="float32").reshape(4, 4))
    bias = Weight("bias", np.ones(4, "float32"))
    config = {"units": 4, "use_bias": True, "activation": activation}
    return Layer(name, "Dense", config, (kernel, bias), **changes)


def chain(*layers, name="net"):
    """A graph that calls layers one after the other on four numbers."""
    start = Layer("x", "InputLayer", {"batch_shape": (None, 4), "dtype": "float32"})
    nodes, before = [Node("x", "x", outputs=F4)], Tensor("x")
    for layer in layers:
        nodes.append(Node(layer.name, layer.name, (before,), outputs=F4))
        before = Tensor(layer.name)
    known = {layer.name: layer for layer in (start, *layers)}
    return Graph(name, known, tuple(nodes), Tensor("x"), before, kind="Sequential")


def kinds(graph):
    return [graph.layer_of(node).kind for node in graph.nodes]


def names(graph):
    return [node.name for node in graph.nodes]


def test_graph_answers_questions():
    graph = chain(dense("a"), Layer("drop", "Dropout", {"rate": 0.5}), dense("b"))
    assert graph.layer_of("a").weight("bias").sum() == 4
    assert [node.name for node in graph.consumers("a")] == ["drop"]
    assert graph.is_output("b")
    assert not graph.is_output("a")
    assert graph.count_weights() == 40
    assert [node.name for node in graph.calls("b")] == ["b"]
    with pytest.raises(KeyError, match="'c' is not a node"):
        graph.node("c")
    with pytest.raises(KeyError, match="'gamma' is not one of"):
        graph.layer_of("a").weight("gamma")


def test_graph_prints_itself():
    inner = chain(dense("hidden"), name="inner")
    nested = Layer("inner", "Model", graph=inner, trainable=False)
    text = str(chain(nested, dense("a", trainable=False)))
    assert text.splitlines() == [
        "Sequential 'net': 40 weights",
        "  x = InputLayer() -> float32(?, 4)",
        "  inner = Model(%x) -> float32(?, 4)  20 weights, frozen",
        "    Sequential 'inner': 20 weights",
        "      x = InputLayer() -> float32(?, 4)",
        "      hidden = Dense(%x) -> float32(?, 4)  20 weights",
        "      returns %hidden",
        "  a = Dense(%inner) -> float32(?, 4)  20 weights, frozen",
        "  returns %a",
    ]


def test_weights_compare_by_their_numbers():
    assert Weight("a", np.ones(3)) == Weight("a", np.ones(3))
    assert Weight("a", np.ones(3)) != Weight("a", np.zeros(3))
    assert Weight("a", np.ones(3)) != Weight("a", np.ones(3, "float32"))
    changed = dense("a").with_weights({"bias": np.zeros(4)})
    assert changed.weight("bias").sum() == 0
    assert dense("a") == dense("a")


def test_room_imports_neither_keras_nor_tensorflow():
    code = (
        "import sys, tfcompress.graph\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_folding_works_out_kernel_and_bias():
    normalization = Layer(
        "norm",
        "BatchNormalization",
        {"axis": -1, "epsilon": 0.0},
        (
            Weight("gamma", np.array([2.0, 2.0, 2.0, 2.0])),
            Weight("beta", np.array([1.0, 1.0, 1.0, 1.0])),
            Weight("moving_mean", np.array([3.0, 3.0, 3.0, 3.0])),
            Weight("moving_variance", np.array([4.0, 4.0, 16.0, 16.0])),
        ),
    )
    folded = fold_batch_normalization(chain(dense("a"), normalization))
    assert kinds(folded) == ["InputLayer", "Dense"]
    assert folded.outputs == Tensor("a")
    # gamma / sqrt(variance) is 1, 1, 0.5, 0.5; the bias (1 - 3) times that, plus 1.
    scale = np.array([1.0, 1.0, 0.5, 0.5])
    kernel = np.arange(16).reshape(4, 4) * scale
    np.testing.assert_allclose(folded.layer_of("a").weight("kernel"), kernel)
    np.testing.assert_allclose(folded.layer_of("a").weight("bias"), [-1, -1, 0, 0])


def test_folding_leaves_what_it_cannot_fold():
    normalization = Layer("norm", "BatchNormalization", {"axis": -1})
    for graph in (
        chain(dense("a", "relu"), normalization),
        chain(Layer("pool", "Softmax"), normalization),
    ):
        assert fold_batch_normalization(graph) == graph
    seen = tap(chain(dense("a"), normalization), ["a", "norm"])
    assert kinds(fold_batch_normalization(seen)) == kinds(seen)


def test_activations_move_out_and_back():
    graph = chain(dense("a", "relu"), dense("b"), dense("c", "tanh"))
    split = split_activations(graph)
    assert names(split) == ["x", "a", "a_activation", "b", "c", "c_activation"]
    assert split.outputs == Tensor("c_activation")
    assert split.layer_of("a_activation").config["activation"] == "relu"
    assert split.layer_of("a").config["activation"] == "linear"
    again = fuse_activations(split)
    assert names(again) == names(graph)
    assert dict(again.layers) == dict(graph.layers)


def test_fusing_takes_a_plain_relu_only():
    plain = chain(dense("a"), Layer("r", "ReLU", {"max_value": None}))
    assert fuse_activations(plain).layer_of("a").config["activation"] == "relu"
    capped = chain(dense("a"), Layer("r", "ReLU", {"max_value": 6.0}))
    assert fuse_activations(capped) == capped


def test_training_layers_are_dropped():
    layers = [Layer("d", "Dropout"), dense("a"), Layer("i", "Identity")]
    dropped = drop_training_layers(chain(*layers))
    assert names(dropped) == ["x", "a"]
    assert dropped.outputs == Tensor("a")


def test_layer_that_changes_the_dtype_stays():
    graph = chain(Layer("flip", "RandomFlip"))
    whole = Node("x", "x", outputs=(TensorSpec((None, 4), "uint8"),))
    graph = Graph(
        "g", graph.layers, (whole, graph.nodes[1]), Tensor("x"), graph.outputs
    )
    assert drop_training_layers(graph) == graph


def test_casting_reaches_weights_configs_and_specs():
    layer = Layer(
        "a", "Dense", {"dtype": "mixed_float16"}, (Weight("k", np.ones(2, "float16")),)
    )
    cast = cast_to_float32(chain(Layer("m", "Model", graph=chain(layer))))
    inner = cast.layers["m"].graph.layers["a"]
    assert inner.config["dtype"] == "float32"
    assert inner.weights[0].value.dtype == np.float32


def test_flattening_keeps_shared_models_shared():
    inner = Layer("inner", "Model", graph=chain(dense("a"), name="inner"))
    start = chain().layers["x"]
    nodes = (
        Node("x", "x", outputs=F4),
        Node("inner", "inner", (Tensor("x"),), outputs=F4),
        Node("inner:1", "inner", (Tensor("inner"),), outputs=F4),
        Node("a", "a", (Tensor("inner:1"),), outputs=F4),
    )
    layers = {"x": start, "inner": inner, "a": dense("a")}
    flat = flatten_models(Graph("g", layers, nodes, Tensor("x"), Tensor("a")))
    assert names(flat) == ["x", "a", "a:1", "a_1"]
    assert [node.layer for node in flat.nodes] == ["x", "a", "a", "a_1"]
    assert flat.count_weights() == 40
    assert flat.outputs == Tensor("a_1")


def test_tap_gives_out_what_flows_inside():
    graph = chain(dense("a"), dense("b"))
    tapped = tap(graph, ["a"])
    assert tapped.outputs == {"a": Tensor("a")}
    assert names(tapped) == ["x", "a"]
    both = tap(graph, ["a"], keep_outputs=True)
    assert both.outputs == [Tensor("b"), {"a": Tensor("a")}]
    with pytest.raises(ArgumentError, match=r"Received: names=\['c'\]"):
        tap(graph, ["c"])


def test_layers_are_replaced_inserted_and_removed():
    graph = chain(dense("a"), dense("b"))
    replaced = replace_layer(graph, "a", Layer("soft", "Softmax"))
    assert kinds(replaced) == ["InputLayer", "Softmax", "Dense"]
    assert replaced.node("b").arguments == (Tensor("soft"),)
    inserted = insert_after(graph, Tensor("a"), Layer("b", "ReLU"))
    assert names(inserted) == ["x", "a", "b_1", "b"]
    assert inserted.node("b").arguments == (Tensor("b_1"),)
    removed = remove_node(graph, "b")
    assert removed.outputs == Tensor("a")
    assert list(removed.layers) == ["x", "a"]
    for call in (
        lambda: replace_layer(graph, "c", Layer("d", "ReLU")),
        lambda: replace_layer(graph, "a", Layer("b", "ReLU")),
        lambda: insert_after(graph, Tensor("c"), Layer("d", "ReLU")),
        lambda: remove_node(graph, "c"),
        lambda: remove_node(graph, "x"),
    ):
        with pytest.raises(ArgumentError, match="Received"):
            call()


def test_a_part_is_cut_out():
    graph = chain(dense("a"), dense("b"), dense("c"))
    part = cut(graph, Tensor("a"), Tensor("b"))
    assert names(part) == ["a_input", "b"]
    assert part.layers["a_input"].config["batch_shape"] == (None, 4)
    assert part.inputs == Tensor("a_input")
    whole = cut(graph, Tensor("x"), [Tensor("c")])
    assert names(whole) == ["x", "a", "b", "c"]
    with pytest.raises(ArgumentError, match="need the inputs"):
        cut(graph, Tensor("b"), [Tensor("a"), Tensor("c")])
    with pytest.raises(ArgumentError, match=r"Received: %z"):
        cut(graph, Tensor("z"), Tensor("c"))


def test_canonical_names_depend_on_structure_alone():
    graph = canonical_names(
        chain(dense("left"), Layer("soft", "Softmax"), dense("right"))
    )
    assert names(graph) == ["input_layer", "dense", "softmax", "dense_1"]
    other = canonical_names(chain(dense("p"), Layer("q", "Softmax"), dense("r")))
    assert graph == other


def test_passes_leave_the_graph_as_it_was():
    graph = chain(dense("a", "relu"), Layer("d", "Dropout"), dense("b"))
    before = str(graph)
    for change in (
        canonical_names,
        cast_to_float32,
        drop_training_layers,
        flatten_models,
        fold_batch_normalization,
        fuse_activations,
        split_activations,
    ):
        change(graph)
        assert str(graph) == before
