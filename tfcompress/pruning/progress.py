"""How far the removal of channels from a model has come."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfcompress.graph import ChannelGroup, Graph, find_groups, remove_channels
from tfcompress.pruning import cuts as cutting
from tfcompress.pruning.cuts import Cut


@dataclasses.dataclass
class Progress:
    """A model on its way: as it is now, and what became of its groups.

    Attributes:
        graph: The model as it is.
        keras: `"keras"` or `"tf_keras"`, where it is built.
        groups: The groups of the model as it was.
        model: The model as it is, built, after the first step.
        removed: How many channels of each group are gone.
        reasons: Groups that are left alone, and why.
        unfollowed: Layers whose channels are in no group, and why.
    """

    graph: Graph
    keras: str
    groups: Sequence[ChannelGroup]
    model: Any = None
    removed: dict[str, int] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    unfollowed: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.renew(self.graph)

    def renew(self, graph: Graph) -> None:
        """Goes on with this graph, such as one whose weights were trained."""
        self.graph = graph
        self._now = {group.name: group for group in find_groups(graph)}

    def width(self, name: str) -> int:
        """Returns how many channels a group had."""
        return next(group.width for group in self.groups if group.name == name)

    def with_cuts(self, cuts: Sequence[Cut]) -> Graph:
        """Returns what is left of the model as it is when these cuts are made."""
        return remove_channels(self.graph, self.removals(cuts))

    def removals(self, cuts: Sequence[Cut]) -> dict[ChannelGroup, list[int]]:
        """Returns the channels that cuts remove from the model as it is."""
        chosen = cutting.removals(cuts)
        return {self._now[name]: channels for name, channels in chosen.items()}

    def make(self, cuts: Sequence[Cut], graph: Graph, model: Any) -> None:
        """Notes that cuts were made, and what is left."""
        self.renew(graph)
        self.model = model
        for name, channels in cutting.removals(cuts).items():
            self.removed[name] = self.removed.get(name, 0) + len(channels)
