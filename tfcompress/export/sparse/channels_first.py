"""Which operations of a file XNNPACK runs channels first, with its sparse kernels.

XNNPACK has sparse kernels for 1x1 convolutions alone, and only for data whose channels
come first. It looks for parts of a network that can stay in this layout from one end to
the other: `xnn_subgraph_rewrite_for_nchw` in
https://github.com/google/XNNPACK/blob/master/src/subgraph.c. This is the same search.
"""

import dataclasses
import enum
from collections.abc import Sequence

from tfcompress.export.sparse.sparse_nodes import Layout, SparseNode


class Outcome(enum.Enum):
    """What a CPU that has the sparse kernels does with a file."""

    DENSE = "dense"
    SPARSE = "sparse"
    BROKEN = "broken"


@dataclasses.dataclass(frozen=True)
class ChannelsFirst:
    """What XNNPACK runs channels first.

    Attributes:
        outcome: `SPARSE` if some part runs with sparse kernels, and `BROKEN` if one of
            them ends in an operation that cannot put the channels last again: the file
            then does not load, or gives wrong numbers without a word.
        nodes: Positions of the nodes that run channels first.
        endings: Positions of those of them at which the result breaks.
    """

    outcome: Outcome
    nodes: tuple[int, ...]
    endings: tuple[int, ...]


def find_channels_first(
    nodes: Sequence[SparseNode], outputs: Sequence[int]
) -> ChannelsFirst:
    """Searches for the parts that XNNPACK runs channels first, as it does itself.

    Args:
        nodes: The operations, in the order in which they run.
        outputs: Tensors that the file returns.

    Returns:
        What was found.
    """
    search = _Search(nodes, outputs)
    if not search.join():
        return ChannelsFirst(Outcome.DENSE, (), ())
    search.check_consumers()
    return search.result()


class _Search:
    """The state of the search; each node points to the leader of its cluster."""

    def __init__(self, nodes: Sequence[SparseNode], outputs: Sequence[int]) -> None:
        self.nodes = nodes
        self.layouts = [node.layout for node in nodes]
        self.leaders = list(range(len(nodes)))
        self.unfit = [False] * len(nodes)
        self.producers = {
            tensor: index for index, node in enumerate(nodes) for tensor in node.outputs
        }
        self.consumers: dict[int, int] = dict.fromkeys(outputs, 1)
        for node in nodes:
            for tensor in set(node.inputs):
                self.consumers[tensor] = self.consumers.get(tensor, 0) + 1

    def join(self) -> bool:
        """Joins nodes to those before them; returns whether there was an exit to join.

        Without an exit no part runs channels first; with one, parts that do not lead
        to it may do so as well.
        """
        exits = [n for n, kind in enumerate(self.layouts) if kind & Layout.EXIT]
        found = changed = any([self._join_one(index) for index in exits])
        while changed:
            changed = False
            for index in range(len(self.nodes)):
                inside = self.layouts[index] & (Layout.INSIDE | Layout.EXIT)
                if inside and not self.unfit[index]:
                    changed |= self._join_one(index)
        for index, unfit in enumerate(self.unfit):
            if unfit:
                self.unfit[self.leaders[index]] = True
        return found

    def _join_one(self, index: int) -> bool:
        changed = False
        for tensor in self.nodes[index].inputs:
            before = self.producers.get(tensor)
            if before is None or self.unfit[before]:
                self.unfit[index] = True
                continue
            if not self.layouts[before] & (Layout.INSIDE | Layout.ENTRY):
                self.unfit[index] = True
                continue
            self.layouts[before] &= ~Layout.EXIT
            leader = max(self.leaders[before], self.leaders[index])
            if self.leaders[before] != self.leaders[index]:
                self.leaders[before] = self.leaders[index] = leader
                changed = True
        return changed

    def check_consumers(self) -> None:
        """Drops clusters whose tensors are taken by what is not in one."""
        known: dict[int, int] = {}
        members = self._members()
        for index in members:
            for tensor in self.nodes[index].inputs:
                known[tensor] = known.get(tensor, 0) + 1
        for index in members:
            for tensor in self.nodes[index].inputs:
                if known[tensor] != self.consumers[tensor]:
                    self.unfit[self.leaders[index]] = True

    def result(self) -> ChannelsFirst:
        """Says which clusters have zeros enough, and where their data gets out."""
        zeros: dict[int, int] = {}
        weights: dict[int, int] = {}
        for index, node in enumerate(self.nodes):
            leader = self.leaders[index]
            zeros[leader] = zeros.get(leader, 0) + node.zeros
            weights[leader] = weights.get(leader, 0) + node.weights
        running = [
            index
            for index in self._members()
            if enough_zeros(zeros[self.leaders[index]], weights[self.leaders[index]])
        ]
        first = {tensor for index in running for tensor in self.nodes[index].inputs}
        endings = tuple(
            index
            for index in running
            if not self.nodes[index].layout & Layout.EXIT
            and not first.intersection(self.nodes[index].outputs)
        )
        outcome = Outcome.SPARSE if first else Outcome.DENSE
        return ChannelsFirst(
            Outcome.BROKEN if endings else outcome, tuple(running), endings
        )

    def _members(self) -> list[int]:
        return [
            index
            for index, layout in enumerate(self.layouts)
            if layout & (Layout.INSIDE | Layout.EXIT)
            and not self.unfit[self.leaders[index]]
        ]


def enough_zeros(zeros: int, weights: int) -> bool:
    """Returns whether more than two thirds of the weights are zero."""
    return 3 * zeros > 2 * weights
