"""What a model costs, layer by layer, and how that is shown."""

import dataclasses
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress.measurement.cost.distribution import Distribution, join
from tfcompress.measurement.cost.energy import ASSUMPTIONS, Energy
from tfcompress.measurement.cost.kernel_count import KernelCount
from tfcompress.measurement.cost.layer_totals import LayerTotals
from tfcompress.printing import to_markdown
from tfcompress.result import Result


@dataclasses.dataclass(frozen=True)
class LayerProfile(KernelCount):
    """One call of a layer, or one operation of a file, for one sample.

    Attributes:
        name: Name of the layer.
        kind: Its class, or the name of the operation.
        parameters: Numbers in its weights, biases among them. Those that two layers
            share stand with the first.
        kernel_parameters: Those of them that lie in kernels.
        zeros: Kernel weights that are exactly zero.
        unique_values: Different values in its kernel; of several kernels, the most that
            one of them has. Those of a quantized kernel are the numbers stored.
        entropy_bits: Shannon entropy of a kernel's values, in bits for each weight; the
            mean over the kernels, weighted with their sizes.
        multiply_adds: Pairs of one multiplication and one addition.
        effective_multiply_adds: Those of them whose weight is not zero.
        activation_bytes: Bytes of what it gives.
        alive_bytes: Bytes of all tensors that are alive while it is computed.
        energy: An estimate of the energy that it takes.
    """

    name: str
    kind: str
    parameters: int
    kernel_parameters: int
    zeros: int
    unique_values: int
    entropy_bits: float
    multiply_adds: int
    effective_multiply_adds: int
    activation_bytes: int
    alive_bytes: int
    energy: Energy


@dataclasses.dataclass(frozen=True)
class Profile(LayerTotals, Result):
    """What a model costs, in the order in which it is computed.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        name: Name of the model, or path of the file.
        layers: A `LayerProfile` for each call of a layer, or operation.
        notes: What is not counted, and why.
    """

    name: str
    layers: tuple[LayerProfile, ...]
    notes: tuple[str, ...] = ()

    @property
    def unique_values(self) -> int:
        """The most different values that one kernel has."""
        return self._distribution().unique_values

    @property
    def entropy_bits(self) -> float:
        """Entropy of the kernels' values, in bits for each kernel weight."""
        return self._distribution().entropy_bits

    @property
    def effective_multiply_adds(self) -> int:
        """Those of them whose weight is not zero."""
        return sum(layer.effective_multiply_adds for layer in self.layers)

    @property
    def activation_peak(self) -> int:
        """Bytes of the largest set of tensors that are alive at once."""
        return max((layer.alive_bytes for layer in self.layers), default=0)

    @property
    def energy(self) -> Energy:
        """Estimate of the energy for one sample."""
        return sum((layer.energy for layer in self.layers), Energy())

    def describe(self) -> str:
        """Says what the model costs, and what the estimate of energy assumes."""
        energy = self.energy
        text = (
            f"{self.name}: {self.parameters:,} parameters; {self.sparsity:.1%} of the "
            f"kernel weights are zero, a kernel has {self.unique_values:,} values at "
            f"most, of {self.entropy_bits:.2f} bits entropy for each weight. "
            f"{self.multiply_adds:,} multiply-adds for one sample, "
            f"{self.effective_multiply_adds:,} without those of zero weights. At most "
            f"{self.activation_peak:,} bytes of tensors are alive at once, if nothing "
            f"is computed in place. {energy.total:,.3f} microjoules: "
            f"{energy.arithmetic:,.3f} for arithmetic, {energy.weights:,.3f} for "
            f"weights, {energy.activations:,.3f} for activations. {ASSUMPTIONS}"
        )
        return " ".join([text, *self.notes])

    def to_markdown(self) -> str:
        """Returns the table in Markdown, with what `describe` says below it."""
        rows = [[layer.name, layer.kind, *_cells(layer)] for layer in self.layers]
        total = ["total", "", *self._totals()]
        titles = ["layer", "kind", *_TITLES]
        return to_markdown(titles, [*rows, total], self.describe())

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes and the totals as plain data."""
        return {
            **super().to_dict(),
            **self.totals(),
            "unique_values": self.unique_values,
            "entropy_bits": self.entropy_bits,
            "effective_multiply_adds": self.effective_multiply_adds,
            "activation_peak": self.activation_peak,
            "energy": dataclasses.asdict(self.energy),
        }

    def _distribution(self) -> Distribution:
        return join(
            [
                Distribution(
                    layer.kernel_parameters, layer.unique_values, layer.entropy_bits
                )
                for layer in self.layers
            ]
        )

    def _totals(self) -> list[str]:
        return [
            f"{self.parameters:,}",
            f"{self.sparsity:.1%}",
            f"{self.unique_values:,}",
            f"{self.entropy_bits:.2f}",
            f"{self.multiply_adds:,}",
            f"{self.effective_multiply_adds:,}",
            f"{self.activation_peak:,}",
            f"{self.energy.total:,.3f}",
        ]

    def _table(self) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_footer=True, pad_edge=False
        )
        table.add_column("layer", "total", overflow="fold", min_width=10)
        table.add_column("kind", overflow="fold")
        for title, total in zip(_TITLES, self._totals(), strict=True):
            table.add_column(title.replace(" ", "\n", 1), total, justify="right")
        for layer in self.layers:
            table.add_row(Text(layer.name), Text(layer.kind), *_cells(layer))
        return table


_TITLES = (
    *("parameters", "zeros", "unique values", "entropy bits"),
    *("multiply-adds", "without zeros", "alive bytes", "energy uJ"),
)


def _cells(layer: LayerProfile) -> list[str]:
    kernel = layer.kernel_parameters > 0
    return [
        f"{layer.parameters:,}" if layer.parameters else "",
        f"{layer.sparsity:.1%}" if kernel else "",
        f"{layer.unique_values:,}" if kernel else "",
        f"{layer.entropy_bits:.2f}" if kernel else "",
        f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        f"{layer.effective_multiply_adds:,}" if layer.multiply_adds else "",
        f"{layer.alive_bytes:,}",
        f"{layer.energy.total:,.3f}",
    ]
