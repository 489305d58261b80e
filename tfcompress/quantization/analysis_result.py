"""What was measured with each layer of a model quantized alone."""

import dataclasses
import os

from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress import printing
from tfcompress.errors import ArgumentError
from tfcompress.files import write_atomically
from tfcompress.quantization.analysis_picture import draw
from tfcompress.result import Result


@dataclasses.dataclass(frozen=True)
class LayerAnalysis:
    """One layer, quantized alone. Ratios are of signal to noise, in decibels.

    Attributes:
        name: Name of the layer.
        weights_sqnr: Of what the layer gives, with its weights rounded; infinite where
            nothing changed.
        activations_sqnr: The same, with what it gives rounded.
        sqnr: The same, with both.
        output_sqnr: Of what the model gives, with both.
        quality: What the metric gave for the model, or None without a metric.
        loss: How much less that is than for the float model, or None.
    """

    name: str
    weights_sqnr: float
    activations_sqnr: float
    sqnr: float
    output_sqnr: float
    quality: float | None = None
    loss: float | None = None


@dataclasses.dataclass(frozen=True)
class Analysis(Result):
    """What a model loses when one layer of it alone is quantized.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        rows: One for each layer, those that hurt first.
        bits: Bits of the weights.
        activation_bits: Bits of what layers give.
        metric: Name of the metric, or None where none was measured.
        baseline: What it gave for the float model, or None.

    Example:
    ```python
    result = tfc.quantization.analyze(model, (x, y))
    print(result["logits"].sqnr, result.rows[0].name)
    ```
    """

    rows: tuple[LayerAnalysis, ...]
    bits: int
    activation_bits: int
    metric: str | None
    baseline: float | None

    def __getitem__(self, name: str) -> LayerAnalysis:
        """Returns the row of a layer."""
        for row in self.rows:
            if row.name == name:
                return row
        names = [row.name for row in self.rows]
        raise ArgumentError(f"Expected one of {names}. Received: name={name!r}")

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the loss and the ratios of each layer.

        Args:
            path: Where to write; `.png`, `.svg` or `.pdf`.

        Raises:
            ArgumentError: If the name ends otherwise.
            OutputError: If the file cannot be written.
        """
        ratios = {
            row.name: (row.weights_sqnr, row.activations_sqnr) for row in self.rows
        }
        losses = None
        if self.metric is not None:
            losses = [row.loss or 0.0 for row in self.rows]
        write_atomically(path, draw(ratios, losses, self.metric, path))

    def to_markdown(self) -> str:
        """Returns the table in Markdown."""
        titles = [title.replace("\n", " ") for title in self._titles()]
        rows = [self._cells(row) for row in self.rows]
        return printing.to_markdown(titles, rows, self.describe())

    def describe(self) -> str:
        """Says in a sentence or two what was measured."""
        whole = ""
        if self.baseline is not None:
            whole = f"{self.metric} is {self.baseline:.4f} for the float model. "
        return (
            f"{whole}Each layer was quantized alone, its weights to {self.bits} bits "
            f"and what it gives to {self.activation_bits}, those that hurt first. "
            "SQNR is the ratio of signal to quantization noise in decibels: of what "
            "the layer gives, with its weights, its activations or both rounded, and "
            "of the outputs of the model with both."
        )

    def _titles(self) -> list[str]:
        titles = ["layer"]
        if self.metric is not None:
            titles += [self.metric, "change"]
        ratios = ("weights", "activations", "both", "outputs")
        return [*titles, *(f"SQNR\n{ratio}" for ratio in ratios)]

    def _cells(self, row: LayerAnalysis) -> list[str]:
        cells = [row.name]
        if row.quality is not None and row.loss is not None:
            cells += [f"{row.quality:.4f}", f"{0.0 - row.loss:+.4f}"]
        ratios = (row.weights_sqnr, row.activations_sqnr, row.sqnr, row.output_sqnr)
        return [*cells, *(f"{ratio:.1f}" for ratio in ratios)]

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        title, *titles = self._titles()
        table.add_column(title, overflow="fold")
        for title in titles:
            table.add_column(Text(title), justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*map(Text, self._cells(row)))
        return table
