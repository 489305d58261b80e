"""Importance by the size of the weights."""

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcompress.graph import ChannelGroup, Graph
from tfcompress.pruning.importance.filters import score_filters
from tfcompress.pruning.importance.importance import Importance


def l1_norms(filters: np.ndarray) -> np.ndarray:
    """Returns the sum of absolute values in each row: `sum(|w|)`."""
    return np.abs(filters).sum(axis=1)


def l2_norms(filters: np.ndarray) -> np.ndarray:
    """Returns the Euclidean length of each row: `sqrt(sum(w^2))`."""
    return np.sqrt(np.square(filters).sum(axis=1))


class FilterNorm(Importance):
    """The size of the weights that make a channel; subclasses say of what kind.

    Args:
        consumers: Whether the weights that take a channel in count as well, as those
            of one layer more each. Defaults to False.
        normalization: As in `Importance`.
    """

    def __init__(
        self, *, consumers: bool = False, normalization: str = "standard"
    ) -> None:
        super().__init__(normalization=normalization)
        self.consumers = consumers

    @staticmethod
    @abc.abstractmethod
    def norms(filters: np.ndarray) -> np.ndarray:
        """Returns the size of each row of weights."""

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`."""
        roles = ("producer", "consumer") if self.consumers else ("producer",)
        return [score_filters(graph, group, self.norms, roles) for group in groups]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"consumers": self.consumers, "normalization": self.normalization}


class L1(FilterNorm):
    """Sum of the absolute weights that make a channel.

    Where several layers make the channels of a group, the sums of each layer are
    divided by their mean and then averaged. Li et al., "Pruning Filters for Efficient
    ConvNets", 2017, https://arxiv.org/abs/1608.08710.

    Args:
        consumers: Whether the weights that take a channel in count as well, as those
            of one layer more each. Defaults to False.
        normalization: As in `Importance`.

    Example:
    ```python
    importance = tfc.pruning.importance.L1(consumers=True)
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    norms = staticmethod(l1_norms)


class L2(FilterNorm):
    """Euclidean length of the weights that make a channel.

    Where several layers make the channels of a group, the lengths of each layer are
    divided by their mean and then averaged. He et al., "Soft Filter Pruning", 2018,
    https://arxiv.org/abs/1808.06866.

    Args:
        consumers: Whether the weights that take a channel in count as well, as those
            of one layer more each. Defaults to False.
        normalization: As in `Importance`.

    Example:
    ```python
    importance = tfc.pruning.importance.L2()
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    norms = staticmethod(l2_norms)
