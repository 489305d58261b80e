"""Importance by the size of the paths through a channel."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.graph import ChannelGroup, Graph
from tfcompress.pruning.importance.filters import score_filters
from tfcompress.pruning.importance.importance import Importance
from tfcompress.pruning.importance.magnitude import l2_norms


class PathNorm(Importance):
    """Length of the weights that make a channel, times that of those that take it in.

    Of a channel between two layers that is the path norm of Neyshabur et al.,
    "Path-SGD", 2015, https://arxiv.org/abs/1506.02617: the length of all products of a
    weight that leads in and one that leads out. It is small if nothing much comes in or
    nothing much is made of it. Where several layers make the channels of a group, or
    take them in, the lengths of each are divided by their mean and then averaged. Where
    no layer with weights takes them in, as for the width of attention's keys, those
    that make them count alone. Normalization between the layers does not count: a
    channel that it scales by 0 is scored like any other. `BatchNormScale` sees it.

    Args:
        normalization: As in `Importance`.

    Example:
    ```python
    importance = tfc.pruning.importance.PathNorm()
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`."""
        return [_path_norms(graph, group) for group in groups]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"normalization": self.normalization}


def _path_norms(graph: Graph, group: ChannelGroup) -> np.ndarray | None:
    made = score_filters(graph, group, l2_norms, ("producer",))
    taken = score_filters(graph, group, l2_norms, ("consumer",))
    return made if made is None or taken is None else made * taken
