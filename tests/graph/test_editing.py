import pytest

from tfcompress.errors import ArgumentError
from tfcompress.graph import Graph, Layer, Node, Tensor
from tfcompress.graph.editing import remove_node

CHAIN = Graph(
    name="chain",
    layers={
        "x": Layer("x", "InputLayer"),
        "drop": Layer("drop", "Dropout"),
        "add": Layer("add", "Add"),
    },
    nodes=(
        Node("x", "x"),
        Node("drop", "drop", (Tensor("x"),), {"training": False}),
        Node("add", "add", ([Tensor("drop"), Tensor("x")],)),
    ),
    inputs=Tensor("x"),
    outputs={"sum": Tensor("add"), "same": Tensor("drop")},
)


def test_consumers_and_outputs_take_what_the_node_took():
    graph = remove_node(CHAIN, "drop")
    assert [node.name for node in graph.nodes] == ["x", "add"]
    assert graph.node("add").inputs() == [Tensor("x"), Tensor("x")]
    assert graph.outputs == {"sum": Tensor("add"), "same": Tensor("x")}
    assert "drop" not in graph.layers


def test_given_graph_is_not_changed():
    remove_node(CHAIN, "drop")
    assert [node.name for node in CHAIN.nodes] == ["x", "drop", "add"]


def test_node_with_several_inputs():
    with pytest.raises(ArgumentError, match="node 'add' with 2 inputs"):
        remove_node(CHAIN, "add")
