"""Importance by the scale of batch normalization."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.graph import ChannelGroup, Graph
from tfcompress.pruning.importance.filters import average
from tfcompress.pruning.importance.importance import Importance


class BatchNormScale(Importance):
    """Absolute scale `|gamma|` of the batch normalization that a channel goes through.

    The mean where a channel goes through several. A group with a channel that goes
    through none, or through one without a scale, keeps its channels. It says most of a
    model that was trained with a penalty on these scales. Liu et al., "Network
    Slimming", 2017, https://arxiv.org/abs/1708.06519.

    Args:
        normalization: As in `Importance`.

    Example:
    ```python
    importance = tfc.pruning.importance.BatchNormScale()
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`."""
        return [_scales(graph, group) for group in groups]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"normalization": self.normalization}


def _scales(graph: Graph, group: ChannelGroup) -> np.ndarray | None:
    scores = []
    for part in group.slices:
        layer = graph.layers[part.layer]
        if layer.kind == "BatchNormalization" and part.path == "gamma":
            there = part.channels >= 0
            gamma = layer.weight("gamma").astype(np.float64)
            scores.append((part.channels[there], np.abs(gamma[there])))
    return average(group.width, iter(scores))
