"""A weight that is being pruned, and what is to become of it."""

import dataclasses
from typing import Any, Self

import numpy as np

from tfcompress.keras_compat.prunable_weights import PrunableWeight


@dataclasses.dataclass(frozen=True)
class Goal:
    """What becomes of the kernels of a layer while it is pruned.

    Attributes:
        sparsity: Share of zero weights in the end, or None for a threshold.
        threshold: Weights nearer to zero than this become zero in the end.
        structure: None, `"2:4"` or the like, or the height and width of a block.
        together: Whether the share is that of all layers with this goal together.
    """

    sparsity: float | None = None
    threshold: float = 0.0
    structure: str | tuple[int, int] | None = None
    together: bool = False

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Builds a goal from plain data."""
        structure = config["structure"]
        if isinstance(structure, list):
            structure = tuple(structure)
        return cls(**{**config, "structure": structure})


@dataclasses.dataclass(frozen=True, eq=False)
class MaskedWeight:
    """A weight of a layer being pruned.

    Attributes:
        weight: The weight.
        mask: A variable of its shape: 0 where it stays zero, else 1.
        goal: What is to become of it.
    """

    weight: PrunableWeight
    mask: Any
    goal: Goal

    def masked(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Returns the numbers of the weight, zero where a mask is.

        Args:
            mask: A mask to take in place of its own.
        """
        value = self.weight.variable.numpy()
        mask = self.mask.numpy() if mask is None else mask
        return np.where(mask, value, np.zeros_like(value))
