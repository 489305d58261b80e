"""The contract of a schedule."""

import abc
from collections.abc import Mapping
from typing import Any, Self


class Schedule(abc.ABC):
    """A value that changes over training."""

    @abc.abstractmethod
    def __call__(self, progress: float, step: int = 0) -> float:
        """Returns the value when a share of the training is done.

        Args:
            progress: Share of the training steps done, from 0 to 1.
            step: Number of training steps done. Defaults to 0.
        """

    @property
    def final(self) -> float:
        """The value that it ends at."""
        return self(1.0)

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a schedule from what `get_config` returned."""
        return cls(**config)
