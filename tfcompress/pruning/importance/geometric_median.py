"""Importance by the distance from the other filters."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.graph import ChannelGroup, Graph
from tfcompress.pruning.importance.filters import score_filters
from tfcompress.pruning.importance.importance import Importance


def summed_distances(filters: np.ndarray) -> np.ndarray:
    """Returns for each row the sum of its distances to all rows.

    `sum_j |w_i - w_j|`, of Euclidean lengths. The row with the least is nearest to the
    geometric median, and best made good for by the others.
    """
    squares = np.square(filters).sum(axis=1)
    between = squares[:, None] + squares[None, :] - 2 * filters @ filters.T
    np.fill_diagonal(between, 0.0)
    return np.sqrt(between.clip(min=0.0)).sum(axis=1)


class FPGM(Importance):
    """Sum of the distances from the weights that make the other channels.

    What is near the geometric median of a layer's filters is what the others can do as
    well, however large it is. He et al., "Filter Pruning via Geometric Median", 2019,
    https://arxiv.org/abs/1811.00250.

    Args:
        normalization: As in `Importance`.

    Example:
    ```python
    importance = tfc.pruning.importance.FPGM()
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`."""
        return [
            score_filters(graph, group, summed_distances, ("producer",))
            for group in groups
        ]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"normalization": self.normalization}
