"""What all layers of a model have together."""

from collections.abc import Sequence
from typing import Protocol

from tfcompress.measurement.cost.kernel_count import share_of_zeros


class CountedLayer(Protocol):
    """A layer whose weights and products were counted."""

    @property
    def parameters(self) -> int:
        """Numbers in its weights; those that two layers share stand with the first."""

    @property
    def kernel_parameters(self) -> int:
        """Those of them that lie in kernels."""

    @property
    def zeros(self) -> int:
        """Kernel weights that are exactly zero."""

    @property
    def multiply_adds(self) -> int:
        """Pairs of one multiplication and one addition for one sample."""


class LayerTotals:
    """Sums over the layers of a result that has `layers`."""

    layers: Sequence[CountedLayer]

    @property
    def parameters(self) -> int:
        """Numbers in all weights, shared ones once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def kernel_parameters(self) -> int:
        """Those of the parameters that lie in kernels."""
        return sum(layer.kernel_parameters for layer in self.layers)

    @property
    def zeros(self) -> int:
        """Kernel weights that are exactly zero."""
        return sum(layer.zeros for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """Share of kernel weights that are zero, 0 to 1; 0 without a kernel."""
        return share_of_zeros(self.zeros, self.kernel_parameters)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the model for one sample."""
        return sum(layer.multiply_adds for layer in self.layers)

    def totals(self) -> dict[str, int | float]:
        """Returns these numbers by name."""
        return {
            "parameters": self.parameters,
            "kernel_parameters": self.kernel_parameters,
            "zeros": self.zeros,
            "sparsity": self.sparsity,
            "multiply_adds": self.multiply_adds,
        }
