"""Importance by chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.graph import ChannelGroup, Graph
from tfcompress.pruning.importance.importance import Importance


class Random(Importance):
    """Scores drawn at random, to compare others with.

    Args:
        seed: Of the generator; the same seed draws the same scores for a model.

    Example:
    ```python
    importance = tfc.pruning.importance.Random(seed=1)
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`."""
        generator = np.random.default_rng(self.seed)
        return [generator.random(group.width) for group in groups]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"seed": self.seed}
