"""Groups of channels that are pruned one by one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import Graph, Layer, find_groups
from tfcompress.measurement.cost.summary import summarize_graph
from tfcompress.pruning import HeadPruning
from tfcompress.pruning.cuts import Cut, count_nearest
from tfcompress.pruning.progress import Progress
from tfcompress.pruning.structured import (
    StructuredPruning,
    check_prunable,
    match_names,
    read_plain,
)
from tfcompress.search.parts import Parts

# What stands below a root or is divided by; the channels are zero without these.
_STATISTICS = ("mean", "variance")


class ChannelParts(Parts):
    """The groups of channels of a model, without the frozen ones.

    The technique itself says which channels go. A model with zeros in all weights of
    these channels is measured in place of the smaller one, which computes the same; but
    for groups over which a mean is computed the smaller one is built.

    Args:
        model: The model.
        technique: Its settings, but for how much goes, are those of the search.
    """

    kind = "group of channels"
    counted = ("multiply-adds", "weights")

    def __init__(self, model: Any, technique: StructuredPruning) -> None:
        check_prunable(model)
        keras = keras_compat.origin_of(model)
        graph = read_plain(model, keras)
        super().__init__(graph, keras)
        names = [*graph.layers, *(group.name for group in find_groups(graph))]
        ignored = match_names(technique.ignored, list(dict.fromkeys(names)))
        groups = technique.groups(graph, ignored)
        self._progress = Progress(graph, self.keras, groups)
        self._counts: dict[Any, dict[str, int]] = {}
        self._cuts: dict[str, list[Cut]] = {}
        for cut in technique.rank(self._progress, ignored):
            self._cuts.setdefault(cut.group, []).append(cut)
        self.names = tuple(g.name for g in groups if g.name in self._cuts)
        self.skipped = dict(self._progress.reasons)
        self._of_heads = isinstance(technique, HeadPruning)

    def check(self) -> None:
        """Raises an error if there is no group that can be pruned.

        Raises:
            ModelError: Says why not.
        """
        if self._of_heads and not self.names:
            raise ModelError(
                "The model has no MultiHeadAttention whose heads can go. Received: "
                f"model {self.graph.name!r}, where {dict(self.skipped)}"
            )
        super().check()

    def cost(self, ratios: Mapping[str, float], counted: str) -> int:
        """Returns the multiply-adds or weights that are left."""
        cuts = [cut for name in ratios for cut in self._chosen(name, ratios[name])]
        key = tuple(sorted((cut.group, cut.channels) for cut in cuts))
        if key not in self._counts:
            found = summarize_graph(self._progress.with_cuts(cuts))
            self._counts[key] = {
                "multiply-adds": found.multiply_adds,
                "weights": found.parameters,
            }
        return self._counts[key][counted]

    def changed(self, name: str, ratio: float) -> list[Layer] | Graph:
        """Returns the layers that make, carry or take in the channels, with zeros."""
        cuts = self._chosen(name, ratio)
        removals = self._progress.removals(cuts)
        values: dict[tuple[str, str], np.ndarray] = {}
        for group, channels in removals.items():
            if group.changes_statistics:
                return self._progress.with_cuts(cuts)
            for part in group.slices:
                if part.path.rsplit("/", 1)[-1].endswith(_STATISTICS):
                    continue
                key = (part.layer, part.path)
                if key not in values:
                    values[key] = self.graph.layers[part.layer].weight(part.path).copy()
                gone = np.isin(part.channels, channels)
                np.moveaxis(values[key], part.axis, 0)[gone] = 0
        layers: dict[str, dict[str, np.ndarray]] = {}
        for (layer, path), value in values.items():
            layers.setdefault(layer, {})[path] = value
        return [
            self.graph.layers[layer].with_weights(paths)
            for layer, paths in layers.items()
        ]

    def _chosen(self, name: str, ratio: float) -> list[Cut]:
        """Returns the cuts that come nearest to a ratio of a group."""
        cuts = self._cuts[name]
        return cuts[: count_nearest(cuts, ratio * self._progress.width(name))]
