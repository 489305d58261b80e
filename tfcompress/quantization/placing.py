"""Puts the ranges of a plan between the layers of a model."""

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from tfcompress import keras_compat
from tfcompress.graph import (
    Graph,
    Layer,
    Node,
    Tensor,
    fuse_activations,
    remove_node,
    rename_layers,
)
from tfcompress.graph.rewiring import leaves, rewire, with_layers
from tfcompress.keras_compat.quantized_graph import RANGE
from tfcompress.quantization.planning import Plan

_BEFORE = "_unrounded"


def place_ranges(
    graph: Graph, plan: Plan, bits: Mapping[str, int], *, source: Graph
) -> Graph:
    """Returns a graph in which tensors pass through the ranges of a plan.

    A layer that gives an output of the user's model leaves its name to the range behind
    it, so that outputs keep their names.

    Args:
        graph: The graph that the plan was made for.
        plan: What is rounded where.
        bits: How many bits the values of each range have, by its name.
        source: The user's model, which the graph was made of.
    """
    kind = keras_compat.ActivationRange
    layers = {
        name: Layer(
            name,
            RANGE,
            {
                "bits": bits[name],
                "fixed": plan.fixed.get(name),
                "masked": name in plan.masked,
                "averaged": name in plan.averaged,
            },
            type=kind,
        )
        for name in dict.fromkeys(plan.ranges.values())
    }
    calls = dict.fromkeys(layers, 0)
    behind: dict[str, list[Node]] = {}
    replaced: dict[Tensor, Tensor] = {}
    for tensor, name in plan.ranges.items():
        called = f"{name}:{calls[name]}" if calls[name] else name
        calls[name] += 1
        specs = graph.node(tensor.node).outputs[tensor.index : tensor.index + 1]
        node = Node(called, name, (tensor,), outputs=specs)
        behind.setdefault(tensor.node, []).append(node)
        replaced[tensor] = Tensor(called)
    rounded = with_layers(rewire(graph, replaced), layers.values())
    nodes = [[node, *behind.get(node.name, ())] for node in rounded.nodes]
    rounded = dataclasses.replace(rounded, nodes=tuple(itertools.chain(*nodes)))
    return rename_layers(rounded, _names_of_outputs(rounded, source))


def _names_of_outputs(rounded: Graph, source: Graph) -> dict[str, str]:
    """Returns new names, so that outputs have those that they had in the source."""
    names = {}
    pairs = zip(leaves(rounded.outputs), leaves(source.outputs), strict=True)
    for tensor, before in pairs:
        layer, wanted = rounded.layer_of(tensor.node), source.layer_of(before.node)
        single = len(rounded.calls(layer)) == len(source.calls(wanted)) == 1
        if layer.kind == RANGE and single and wanted.kind != "InputLayer":
            names[layer.name] = wanted.name
            if wanted.name in rounded.layers:
                names[wanted.name] = f"{wanted.name}{_BEFORE}"
                while names[wanted.name] in rounded.layers:
                    names[wanted.name] += _BEFORE
    return names


def first_names(ranges: Iterable[str], layers: Collection[str]) -> dict[str, str]:
    """Returns the names that layers had before they left them to ranges behind them.

    Args:
        ranges: Names of the ranges of a model.
        layers: Names of all its layers.

    Returns:
        The first name, by the present one, of the layers that have another now.
    """
    found = {}
    for name in ranges:
        present = f"{name}{_BEFORE}"
        while f"{present}{_BEFORE}" in layers:
            present += _BEFORE
        if present in layers:
            found[present] = name
    return found


def remove_ranges(graph: Graph) -> Graph:
    """Returns a graph without ranges, its layers under their first names.

    Activations that were taken out of their layers are put back, and convolutions that
    hand on what they take are removed.
    """
    ranges = [layer.name for layer in graph.layers.values() if layer.kind == RANGE]
    names = first_names(ranges, graph.layers)
    for node in graph.nodes:
        layer = graph.layers[node.layer]
        if layer.kind == RANGE or _is_identity(layer):
            graph = remove_node(graph, node.name)
    graph = rename_layers(graph, names)
    split = {
        f"{name}_activation"
        for name in graph.layers
        if graph.layers.get(f"{name}_activation", _NONE).kind == "Activation"
    }
    return fuse_activations(graph, split)


_NONE = Layer("", "")


def _is_identity(layer: Layer) -> bool:
    """Returns whether a layer is a 1x1 convolution of ones, one for each channel."""
    if layer.kind != "DepthwiseConv2D" or len(layer.weights) != 1:
        return False
    kernel = layer.weights[0].value
    strides = layer.config.get("strides", 1)
    return (
        kernel.shape[:2] == (1, 1)
        and kernel.shape[3] == 1
        and np.allclose(kernel, 1.0)
        and set(np.ravel(strides)) == {1}
        and layer.config.get("activation", "linear") in ("linear", None)
    )
