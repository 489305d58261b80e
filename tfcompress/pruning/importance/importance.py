"""What a channel is worth."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.graph import ChannelGroup, Graph

NORMALIZATIONS = ("standard", "mean", "none")


class Importance(abc.ABC):
    """Gives each channel of a group a score; those with the lowest go first.

    A subclass defines `score`, and `get_config` if it can be written as plain data.

    Args:
        normalization: How the scores of different groups are made comparable, for one
            ranking over all of them: `"standard"`, the default, takes off a group's
            mean and divides by its standard deviation, so that each group gives of its
            own tail; `"mean"` divides by the mean, as is usual elsewhere, which strips
            groups with few weights in a channel first; `"none"` compares the scores as
            they are.

    Raises:
        ArgumentError: If the normalization is not known.

    Example:
    ```python
    import numpy as np
    import tfcompress as tfc

    class Last(tfc.pruning.importance.Importance):
        def score(self, graph, groups, *, keras):
            return [-np.arange(group.width) for group in groups]

    pruning = tfc.pruning.ChannelPruning(0.5, importance=Last())
    ```
    """

    def __init__(self, *, normalization: str = "standard") -> None:
        if normalization not in NORMALIZATIONS:
            raise ArgumentError(
                f"normalization must be one of {NORMALIZATIONS}. "
                f"Received: normalization={normalization!r}"
            )
        self.normalization = normalization

    @abc.abstractmethod
    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> Sequence[np.ndarray | None]:
        """Returns what the channels of each group are worth.

        Args:
            graph: The model, without models inside it.
            groups: Groups of it.
            keras: `"keras"` or `"tf_keras"`: where `keras_compat.build` builds it.

        Returns:
            For each group one number per channel, of shape `(width,)`, or None for a
            group of which nothing can be said; it keeps all its channels.
        """

    def score_all(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> dict[ChannelGroup, np.ndarray | None]:
        """Returns what `score` does, checked, normalized and with the groups.

        Raises:
            ModelError: If scores are not finite, as where weights or activations of
                the model are too large.
            ArgumentError: If they are of another shape.
        """
        found: dict[ChannelGroup, np.ndarray | None] = {}
        scored = self.score(graph, groups, keras=keras)
        for group, scores in zip(groups, scored, strict=True):
            if scores is None:
                found[group] = None
                continue
            kind = type(self).__name__
            if np.shape(scores) != (group.width,):
                raise ArgumentError(
                    f"score of {kind} must return one number for each of the "
                    f"{group.width} channels of {group.name!r}. "
                    f"Received: shape {np.shape(scores)}"
                )
            if not np.isfinite(scores).all():
                raise ModelError(
                    f"The scores of channels must be finite, but those that {kind} "
                    f"gives are not. Received: group {group.name!r}"
                )
            found[group] = normalize(scores, self.normalization)
        return found

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If the importance holds what is no plain data.
        """
        raise ArgumentError(
            "An importance that holds data or functions cannot be written as plain "
            "data; build it again in code and pass it to the constructor. Received: "
            f"importance of class {type(self).__name__}"
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds an importance from what `get_config` returned."""
        return cls(**config)


def normalize(scores: np.ndarray, normalization: str) -> np.ndarray:
    """Returns scores of one group that can be compared with those of others.

    Args:
        scores: One number per channel, of shape `(width,)`.
        normalization: `"standard"`, `"mean"` or `"none"`, as in `Importance`.

    Returns:
        An array of the same shape, of float64. Where all scores are the same,
        `"standard"` gives zeros; where all are zero, `"mean"` does.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if normalization == "standard":
        deviation = scores.std()
        # What rounding alone makes is no difference.
        if deviation <= 1e-9 * np.abs(scores).max():
            return np.zeros_like(scores)
        return (scores - scores.mean()) / deviation
    if normalization == "mean":
        mean = np.abs(scores).mean()
        return scores / mean if mean else scores
    return scores
