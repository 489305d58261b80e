"""Follows channels through a graph."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tfcompress.graph.channel_labels import FIXED, ChannelNumbers, Labels
from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec, tensors

Rule = Callable[["ChannelCall"], None]


@dataclasses.dataclass(frozen=True, eq=False)
class Slot:
    """The channels along one axis of one weight, and the role of the layer."""

    ids: np.ndarray
    role: str


class ChannelTrace:
    """The channels of every tensor and weight of a graph.

    Attributes:
        graph: The graph.
        rules: How to follow channels through a call, by the kind of the layer.
        numbers: The channels.
        labels: Those of each tensor.
        slots: Those of the weights, by (layer, path, axis).
        statistics: Layers that compute a mean over channels, with these.
    """

    def __init__(self, graph: Graph, rules: Mapping[str, Rule]) -> None:
        self.graph = graph
        self.rules = rules
        self.numbers = ChannelNumbers()
        self.labels: dict[Tensor, Labels] = {}
        self.specs: dict[Tensor, TensorSpec] = {}
        self.slots: dict[tuple[str, str, int], Slot] = {}
        self.made: dict[tuple[str, str], np.ndarray] = {}
        self.statistics: dict[str, np.ndarray] = {}
        self.refused: dict[str, str] = {}
        for node in graph.nodes:
            for index, spec in enumerate(node.outputs):
                self.specs[Tensor(node.name, index)] = spec
            call = ChannelCall(self, node, graph.layer_of(node))
            rule = rules.get(call.layer.kind)
            if rule is None:
                call.freeze(f"{call.layer.kind} {node.name!r} is not known")
            else:
                call.apply(rule)
        for (layer, _, _), slot in self.slots.items():
            if layer in self.refused:
                self.numbers.freeze(slot.ids, self.refused[layer])
        for tensor in tensors(graph.outputs):
            self.numbers.freeze(self.labels_of(tensor).ids, "returned by the model")

    def labels_of(self, tensor: Tensor) -> Labels:
        """Returns the channels of a tensor; without any where none are known."""
        return self.labels.get(tensor, Labels(0, None))

    def shape(self, tensor: Tensor) -> tuple[int | None, ...]:
        """Returns the shape of a tensor, or () where it is not known."""
        spec = self.specs.get(tensor)
        return () if spec is None else tuple(spec.shape)


class _Unfit(Exception):
    """A rule cannot follow the channels of a call."""


class ChannelCall:
    """One call of a layer, as the rule of its kind sees it."""

    def __init__(self, trace: ChannelTrace, node: Node, layer: Layer) -> None:
        self.trace = trace
        self.node = node
        self.layer = layer
        self.name = layer.name
        self.config = layer.config
        self.inputs = node.inputs()
        self.outputs = [Tensor(node.name, n) for n in range(max(1, len(node.outputs)))]
        self.prefix = ""

    def apply(self, rule: Rule) -> None:
        """Runs a rule; freezes what goes in and out if the call does not fit it."""
        stock = self.layer.type is None or self.layer.type.__module__.startswith(
            ("keras.", "tf_keras.", "tfcompress.keras_compat.")
        )
        if not stock or any(not self.trace.shape(tensor) for tensor in self.outputs):
            self.freeze(f"{self.layer.kind} {self.node.name!r} is not known")
            return
        try:
            if self.config.get("data_format") == "channels_first":
                raise _Unfit("has its channels first")
            rule(self)
            self._check_weights()
        except _Unfit as problem:
            self.freeze(f"{self.layer.kind} {self.node.name!r} {problem}")

    def freeze(self, reason: str) -> None:
        """Freezes all that goes into the call, its weights, and what comes out."""
        for tensor in self.inputs:
            self.trace.numbers.freeze(self.labels(tensor).ids, reason)
        self.trace.refused.setdefault(self.layer.name, reason)
        for tensor in self.outputs:
            self.fix(tensor)

    def _check_weights(self) -> None:
        """Refuses a layer with a weight that its rule has not followed."""
        if not any(self.labels(t).movable for t in [*self.inputs, *self.outputs]):
            return
        followed = {path for layer, path, _ in self.trace.slots if layer == self.name}
        for weight in self.layer.weights:
            counts = weight.value.dtype.kind in "iu"
            if weight.value.ndim and not counts and weight.path not in followed:
                raise _Unfit(f"has a weight {weight.path!r}, which is not known")

    def unfit(self, why: str) -> _Unfit:
        """Returns the error for a call that a rule cannot follow."""
        return _Unfit(why)

    def labels(self, tensor: Tensor) -> Labels:
        """Returns the channels of a tensor."""
        return self.trace.labels_of(tensor)

    def shape(self, tensor: Tensor) -> tuple[int | None, ...]:
        """Returns the shape of a tensor."""
        return self.trace.shape(tensor)

    def last(self, tensor: Tensor) -> np.ndarray:
        """Returns the channels on the last axis of a tensor, where they must be."""
        labels, shape = self.labels(tensor), self.shape(tensor)
        if labels.movable:
            if labels.axis != len(shape) - 1:
                raise _Unfit("takes channels that are not on the last axis")
            assert labels.ids is not None
            return labels.ids
        if not shape or shape[-1] is None:
            raise _Unfit("has an input of unknown size")
        return np.full(shape[-1], FIXED)

    def along(self, tensor: Tensor, axis: int) -> np.ndarray:
        """Returns the channels on an axis of a tensor, `FIXED` where there are none."""
        labels, size = self.labels(tensor), self.shape(tensor)[axis]
        if labels.movable and labels.ids is not None and labels.axis == axis:
            return labels.ids
        if size is None:
            raise _Unfit("has an axis of unknown size")
        return np.full(size, FIXED)

    def unchanged(self, paths: Iterable[str]) -> None:
        """Says that no channel lies on these weights but where it was said."""
        for weight in self.layer.weights:
            if weight.path in [self.prefix + path for path in paths]:
                for axis, size in enumerate(weight.value.shape):
                    key = (self.layer.name, weight.path, axis)
                    self.trace.slots.setdefault(key, Slot(np.full(size, FIXED), ""))

    def new(self, count: int, what: str = "") -> np.ndarray:
        """Returns channels that the layer makes; the same in each of its calls."""
        key = (self.layer.name, what)
        if key not in self.trace.made:
            name = f"{self.layer.name}:{what}" if what else self.layer.name
            self.trace.made[key] = self.trace.numbers.new(count, name)
        return self.trace.made[key]

    def join(self, first: np.ndarray, second: np.ndarray) -> None:
        """Makes channels one, position by position."""
        if len(first) != len(second):
            raise _Unfit("joins different numbers of channels")
        reason = f"{self.layer.kind} {self.node.name!r} joins it with what is fixed"
        self.trace.numbers.join(first, second, reason)

    def weights(self, ids: np.ndarray, role: str, axes: Mapping[str, int]) -> None:
        """Says which channels lie on an axis of weights that the layer has.

        Args:
            ids: The channels.
            role: What the layer does with them.
            axes: The axis, negative ones counted from the end, for each path.
        """
        for path, axis in axes.items():
            full = self.prefix + path
            value = next((w for w in self.layer.weights if w.path == full), None)
            if value is None:
                continue
            axis %= value.value.ndim
            if value.value.shape[axis] != len(ids):
                raise _Unfit("has weights of another size")
            key = (self.layer.name, full, axis)
            if key in self.trace.slots:
                self.join(self.trace.slots[key].ids, ids)
            else:
                self.trace.slots[key] = Slot(ids, role)

    def set(self, ids: np.ndarray, axis: int = -1, index: int = 0) -> None:
        """Says which channels an output has."""
        tensor = self.outputs[index]
        shape = self.shape(tensor)
        axis %= len(shape)
        if shape[axis] is not None and shape[axis] != len(ids):
            raise _Unfit("returns another number of channels")
        self.trace.labels[tensor] = Labels(axis, ids)

    def fix(self, tensor: Tensor) -> None:
        """Says that an output has no channels that could be removed."""
        shape = self.shape(tensor)
        size = shape[-1] if shape else None
        ids = None if size is None else np.full(size, FIXED)
        self.trace.labels[tensor] = Labels(max(0, len(shape) - 1), ids)

    def fix_all(self) -> None:
        """Says that no output has channels that could be removed."""
        for tensor in self.outputs:
            self.fix(tensor)

    def called_once(self) -> None:
        """Refuses a layer that is called again, on what may have other sizes."""
        if len(self.trace.graph.calls(self.layer)) > 1 and any(
            self.labels(tensor).movable for tensor in self.inputs
        ):
            raise _Unfit("is called several times")

    def freeze_ids(self, ids: Iterable[np.ndarray], why: str) -> None:
        """Freezes some channels only."""
        for item in ids:
            reason = f"{self.layer.kind} {self.node.name!r} {why}"
            self.trace.numbers.freeze(item, reason)

    def argument(self, name: str, place: int, default: Any = None) -> Any:
        """Returns an argument of the call, or of the operation's constructor."""
        if name in self.node.keywords:
            return self.node.keywords[name]
        if len(self.node.arguments) > place:
            return self.node.arguments[place]
        return self.config.get(name, default)
