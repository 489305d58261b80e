"""Removes channels from a model."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress.errors import ArgumentError
from tfcompress.graph.channel_group import ChannelGroup
from tfcompress.graph.channel_shapes import full_key
from tfcompress.graph.channel_trace import ChannelCall, ChannelTrace
from tfcompress.graph.channels import groups_of, trace_channels
from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec


def remove_channels(
    graph: Graph, removals: Mapping[ChannelGroup, Sequence[int]]
) -> Graph:
    """Returns a graph without some channels.

    It computes what the graph computes with these channels set to zero where they are
    taken in, except where a layer computes a mean over channels: see
    `ChannelGroup.changes_statistics`.

    Args:
        graph: A graph without models inside it. It is not changed.
        removals: The channels to remove, for groups that `find_groups` found in it.

    Returns:
        A graph of the same layers with smaller weights. Queries of attention whose
        `key_dim` shrinks are scaled, since Keras divides by its root.

    Raises:
        ArgumentError: If a group is frozen, is not of this graph, has no such channel,
            or would lose all its channels.

    Example:
    ```python
    import keras
    from tfcompress.graph import find_groups, remove_channels
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Dense(8, name="hidden"), keras.layers.Dense(2)]
    graph = read(keras.Sequential([keras.Input((4,)), *layers]))
    hidden, _ = find_groups(graph)
    small = build(remove_channels(graph, {hidden: [0, 5]}), keras="keras")
    ```
    """
    trace = trace_channels(graph)
    known = {group.name: group for group in groups_of(trace, ())}
    removed: list[int] = []
    for group, indices in removals.items():
        removed += _removed_roots(graph, known, group, indices)
    return _Shrinking(trace, np.array(removed, dtype=int)).graph()


def _removed_roots(
    graph: Graph,
    known: Mapping[str, ChannelGroup],
    group: ChannelGroup,
    indices: Sequence[int],
) -> list[int]:
    kept = group.complement(indices)
    if group.name not in known or known[group.name].roots != group.roots:
        raise ArgumentError(
            f"Groups must be those that `find_groups` found in {graph.name!r}, which "
            f"are {list(known)}. Received: group {group.name!r}"
        )
    if len(kept) == group.width:
        return []
    if group.frozen:
        raise ArgumentError(
            f"No channel of a frozen group can be removed; {group.name!r} is frozen "
            f"({group.reason}). Received: indices={list(indices)}"
        )
    if not len(kept):
        raise ArgumentError(
            f"One channel at least must stay. Received: all {group.width} channels of "
            f"group {group.name!r}"
        )
    return [group.roots[index] for index in np.unique(np.asarray(indices, dtype=int))]


class _Shrinking:
    """Removes channels, given by their numbers in a trace."""

    def __init__(self, trace: ChannelTrace, removed: np.ndarray) -> None:
        self.trace = trace
        numbers = trace.numbers.every_root()
        # One entry more at the end, where `FIXED` finds it.
        self.kept = np.append(~np.isin(numbers, removed), True)
        self.slots: dict[str, list[tuple[str, int, np.ndarray]]] = {}
        for (layer, path, axis), slot in trace.slots.items():
            self.slots.setdefault(layer, []).append((path, axis, slot.ids))

    def graph(self) -> Graph:
        graph = self.trace.graph
        layers = {name: self.layer(layer) for name, layer in graph.layers.items()}
        for node in graph.nodes:
            reshaped = _RESHAPED.get(graph.layer_of(node).kind)
            if reshaped is not None:
                config = reshaped(self, node, layers[node.layer].config)
                layers[node.layer] = dataclasses.replace(
                    layers[node.layer], config=config
                )
        nodes = tuple(self.node(node) for node in graph.nodes)
        return dataclasses.replace(graph, layers=layers, nodes=nodes)

    def stays(self, ids: np.ndarray) -> np.ndarray:
        """Returns for each position whether it stays."""
        return self.kept[ids]

    def layer(self, layer: Layer) -> Layer:
        """Returns a layer with what is left of its weights."""
        values: dict[str, np.ndarray] = {}
        for path, axis, ids in self.slots.get(layer.name, []):
            stays = self.stays(ids)
            if not stays.all():
                value = values.get(path, layer.weight(path))
                values[path] = np.compress(stays, value, axis)
        if not values:
            return layer
        smaller = layer.with_weights(values)
        if layer.kind == "MultiHeadAttention":
            smaller = _rescaled_queries(smaller, layer)
        config = _resized(layer.kind, layer.config, layer, smaller, "")
        return dataclasses.replace(smaller, config=config)

    def node(self, node: Node) -> Node:
        """Returns a node with the shapes that it returns now."""
        specs = []
        for index, spec in enumerate(node.outputs):
            shape = self.shape(Tensor(node.name, index))
            specs.append(TensorSpec(shape, spec.dtype))
        node = dataclasses.replace(node, outputs=tuple(specs))
        kind = self.trace.graph.layer_of(node).kind
        if kind in ("ops.get_item", "tf.__operators__.getitem"):
            return self.sliced(node)
        if kind == "tf.reshape":
            return self.reshaped(node)
        if kind == "tf.split":
            return self.split(node)
        return node

    def shape(self, tensor: Tensor) -> tuple[int | None, ...]:
        """Returns the shape of a tensor without the channels that go."""
        labels, shape = self.trace.labels_of(tensor), list(self.trace.shape(tensor))
        if labels.movable and labels.ids is not None:
            shape[labels.axis] = int(self.stays(labels.ids).sum())
        return tuple(shape)

    def sliced(self, node: Node) -> Node:
        """Returns the call of a slice with the bounds that it has now."""
        source = node.inputs()[0]
        labels, shape = self.trace.labels_of(source), self.trace.shape(source)
        if not labels.movable or labels.ids is None:
            return node
        stays = self.stays(labels.ids)
        place = "key" if "key" in node.keywords else None
        given = node.keywords["key"] if place else node.arguments[1]
        keys = full_key(given, len(shape)) or []
        if stays.all() or keys[labels.axis] in (slice(None), slice(None, None, 1)):
            return node
        start, stop, _ = keys[labels.axis].indices(len(stays))
        keys[labels.axis] = slice(int(stays[:start].sum()), int(stays[:stop].sum()))
        if place:
            return dataclasses.replace(node, keywords={**node.keywords, "key": keys})
        return dataclasses.replace(node, arguments=(node.arguments[0], tuple(keys)))

    def split(self, node: Node) -> Node:
        """Returns a call of TensorFlow's split with the sizes that it has now."""
        before, after = _split_sizes(self, node)
        if before == after:
            return node
        given, _, *rest = node.arguments
        return dataclasses.replace(node, arguments=(given, after, *rest))

    def reshaped(self, node: Node) -> Node:
        """Returns a call of TensorFlow's reshape with the shape that it has now."""
        before = list(node.arguments[1])
        after = _target(self, node, before, 0)
        return dataclasses.replace(node, arguments=(node.arguments[0], after))


def _rescaled_queries(smaller: Layer, layer: Layer) -> Layer:
    """Makes up for the root of `key_dim` by which Keras divides."""
    factor = math.sqrt(
        smaller.weight("0/kernel").shape[-1] / layer.weight("0/kernel").shape[-1]
    )
    queries = [w for w in smaller.weights if w.path in ("0/kernel", "0/bias")]
    scaled = {w.path: (w.value * factor).astype(w.value.dtype) for w in queries}
    return smaller.with_weights(scaled)


def _resized(
    kind: str, config: Mapping[str, Any], old: Layer, layer: Layer, prefix: str
) -> dict[str, Any]:
    """Returns the arguments of a layer that has these weights."""

    def size(path: str, axis: int) -> int:
        return int(layer.weight(prefix + path).shape[axis])

    changed: dict[str, Any] = {}
    if kind in ("Conv1D", "Conv2D", "Conv3D"):
        changed = {"filters": size("kernel", -1)}
        if old.weight(prefix + "kernel").shape[-2] == 1 < config["groups"]:
            per_group = config["filters"] // config["groups"]
            changed["groups"] = size("kernel", -1) // per_group
    elif kind.endswith("DTranspose"):
        changed = {"filters": size("kernel", -2)}
    elif kind.startswith("SeparableConv"):
        changed = {"filters": size("pointwise_kernel", -1)}
    elif kind == "Dense":
        changed = {"units": size("kernel", -1)}
    elif kind == "Embedding":
        changed = {"output_dim": size("embeddings", -1)}
    elif kind in ("LSTM", "GRU", "SimpleRNN"):
        path = "kernel" if prefix else "0/kernel"
        changed = {"units": size(path.replace("kernel", "recurrent_kernel"), 0)}
    elif kind.startswith("ConvLSTM"):
        changed = {"filters": size("0/recurrent_kernel", -2)}
    elif kind == "LayerScale":
        changed = {"projection_dim": layer.weights[0].value.shape[0]}
    elif kind == "MultiHeadAttention":
        changed = {
            "num_heads": size("0/kernel", 1),
            "key_dim": size("0/kernel", 2),
            "value_dim": size("2/kernel", 2),
        }
        if config.get("output_shape") is not None:
            changed["output_shape"] = [size("3/kernel", 2)]
    elif kind == "TimeDistributed":
        changed = {"layer": _inner(config["layer"], old, layer, "0/")}
    elif kind == "Bidirectional":
        changed = {"layer": _inner(config["layer"], old, layer, "0/0/")}
        if config.get("backward_layer"):
            changed["backward_layer"] = _inner(
                config["backward_layer"], old, layer, "1/0/"
            )
    return {**config, **changed}


def _inner(
    layer: Mapping[str, Any], old: Layer, outer: Layer, prefix: str
) -> dict[str, Any]:
    """Returns the layer in a wrapper, without the shape it was built with."""
    config = _resized(layer["class_name"], layer["config"], old, outer, prefix)
    kept = {key: value for key, value in layer.items() if key != "build_config"}
    return {**kept, "config": config}


def _target(
    shrinking: _Shrinking, node: Node, target: Sequence[int | None], first: int
) -> list[int | None]:
    """Returns the target of a reshape, whose entry 0 is axis `first`."""
    tensor = Tensor(node.name)
    before, after = shrinking.trace.shape(tensor), shrinking.shape(tensor)
    changed: list[int | None] = []
    for axis, size in enumerate(target, first):
        new = after[axis]
        same = size is None or size < 0 or new is None or before[axis] == new
        changed.append(size if same else new)
    return changed


def _resized_reshape(
    shrinking: _Shrinking, node: Node, config: Mapping[str, Any]
) -> dict[str, Any]:
    target = _target(shrinking, node, config["target_shape"], 1)
    return {**config, "target_shape": target}


def _resized_operation(
    shrinking: _Shrinking, node: Node, config: Mapping[str, Any]
) -> dict[str, Any]:
    target = tuple(_target(shrinking, node, config["newshape"], 0))
    return {**config, "newshape": target}


def _resized_split(
    shrinking: _Shrinking, node: Node, config: Mapping[str, Any]
) -> dict[str, Any]:
    before, after = _split_sizes(shrinking, node)
    if before == after:
        return dict(config)
    ends = np.cumsum(after)[:-1].tolist()
    return {**config, "indices_or_sections": ends}


def _split_sizes(shrinking: _Shrinking, node: Node) -> tuple[list[int], list[int]]:
    """Returns the sizes of the pieces of a split, before and now."""
    trace = shrinking.trace
    pieces = [Tensor(node.name, index) for index in range(len(node.outputs))]
    axis = ChannelCall(trace, node, trace.graph.layer_of(node)).argument("axis", 2, 0)
    axis %= len(trace.shape(pieces[0]))
    before = [trace.shape(piece)[axis] or 0 for piece in pieces]
    return before, [shrinking.shape(piece)[axis] or 0 for piece in pieces]


def _resized_einsum_dense(
    shrinking: _Shrinking, node: Node, config: Mapping[str, Any]
) -> dict[str, Any]:
    given = config["output_shape"]
    shape = list(given) if isinstance(given, list | tuple) else [given]
    first = len(shrinking.trace.shape(Tensor(node.name))) - len(shape)
    return {**config, "output_shape": _target(shrinking, node, shape, first)}


def _resized_groups(
    shrinking: _Shrinking, node: Node, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Keeps a group for each channel, where there was one."""
    before = shrinking.trace.shape(Tensor(node.name))[-1]
    after = shrinking.shape(Tensor(node.name))[-1]
    return {
        **config,
        "groups": after if config["groups"] == before else config["groups"],
    }


_RESHAPED: dict[
    str, Callable[[_Shrinking, Node, Mapping[str, Any]], dict[str, Any]]
] = {
    "Reshape": _resized_reshape,
    "ops.reshape": _resized_operation,
    "ops.split": _resized_split,
    "EinsumDense": _resized_einsum_dense,
    "GroupNormalization": _resized_groups,
}
