"""The search for what runs with sparse kernels.

What each network does on a CPU with these kernels was seen on LiteRT 2.3 whose AVX was
masked, so that XNNPACK took its SSE kernels, the sparse ones among them: whether they
were set up, and whether the outputs were those of the dense file.
"""

import keras
import pytest

from tests.export.sparse_networks import build_mobile, prune_pointwise
from tfcompress.export import find_target
from tfcompress.export.conversion.conversion import convert
from tfcompress.export.conversion.signature import read_signature
from tfcompress.export.sparse.channels_first import Outcome, find_channels_first
from tfcompress.export.sparse.sparse_nodes import Layout, SparseNode, read_nodes
from tfcompress.export.sparse.sparse_rules import check_rules

layers = keras.layers


def squeeze(x):
    scale = layers.GlobalAveragePooling2D(keepdims=True)(x)
    scale = layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(scale)
    return layers.Multiply()([x, scale])


def add_twice(x):
    return layers.Add()([x, x])


SEEN = {
    "plain": ({}, 0.9, Outcome.SPARSE),
    "uneven stem": ({"padding": "same"}, 0.9, Outcome.DENSE),
    "convolution behind pooling": ({"head": "convolution"}, 0.9, Outcome.BROKEN),
    "squeeze and excite": ({"inside": squeeze}, 0.9, Outcome.SPARSE),
    "the same data twice": ({"inside": add_twice}, 0.9, Outcome.DENSE),
    "max pooling": ({"inside": layers.MaxPooling2D()}, 0.9, Outcome.BROKEN),
    "hard swish": ({"inside": layers.Activation("hard_swish")}, 0.9, Outcome.SPARSE),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEN)
def test_what_was_seen(name):
    arguments, sparsity, outcome = SEEN[name]
    model = build_mobile(keras, **arguments)
    prune_pointwise(model, sparsity)
    content = convert(
        model, read_signature(model, 1), find_target("cpu_float32"), samples=None
    )
    nodes, outputs = read_nodes(content)
    assert find_channels_first(nodes, outputs).outcome is outcome
    findings, _ = check_rules(nodes, outputs)
    assert bool(findings) is (outcome is not Outcome.SPARSE)


def chain(*kinds):
    """Nodes one after the other; tensor 0 is the input."""
    shapes = {
        "stem": {"layout": Layout.ENTRY, "kernel": (3, 3)},
        "pointwise": {"layout": Layout.INSIDE, "weights": 100, "zeros": 67},
        "pool": {"layout": Layout.INSIDE | Layout.EXIT},
        "other": {},
    }
    return [
        SparseNode(kind, (kind,), (index,), (index + 1,), **shapes[kind])
        for index, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("kinds", "outcome", "running"),
    [
        (["stem", "pointwise", "pool", "other"], Outcome.SPARSE, (1, 2)),
        (["other", "stem", "pointwise", "pool"], Outcome.SPARSE, (2, 3)),
        (["pointwise", "pool"], Outcome.DENSE, ()),
        (["stem", "pointwise", "other"], Outcome.DENSE, ()),
        (["stem", "other", "pointwise", "pool"], Outcome.DENSE, ()),
        (["stem", "pointwise", "pool", "pointwise"], Outcome.BROKEN, (1, 2, 3)),
    ],
)
def test_chains(kinds, outcome, running):
    found = find_channels_first(chain(*kinds), [len(kinds)])
    assert found.outcome is outcome
    assert found.nodes == running


def test_more_than_two_thirds():
    nodes = chain("stem", "pointwise", "pool")
    assert find_channels_first(nodes, [3]).outcome is Outcome.SPARSE
    weights = dict(layout=Layout.INSIDE, weights=99, zeros=66)
    nodes[1] = SparseNode("pointwise", ("pointwise",), (1,), (2,), **weights)
    assert find_channels_first(nodes, [3]).outcome is Outcome.DENSE
