"""Several models, measured side by side."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from scipy import sparse

from tfcompress.errors import ArgumentError
from tfcompress.files import write_atomically
from tfcompress.report import page, page_sections, page_table, picture, table
from tfcompress.report.changes import Changes
from tfcompress.report.details import Details
from tfcompress.report.page import Section
from tfcompress.report.row import Row
from tfcompress.report.sensitivity_curves import SensitivityCurves
from tfcompress.report.tradeoff import find_better, make_points
from tfcompress.result import Result

_COSTS = ("bytes", "latency_ms")
_NAMED = ("accuracy", "macro_recall", "macro_f1")


@dataclasses.dataclass(frozen=True)
class Comparison(Result):
    """A table of models, each measured on its own `.tflite` file.

    It prints itself: with `print`, in a notebook, and with rich. On a terminal too
    narrow for one table it becomes two, quality and cost.

    Attributes:
        rows: The rows, in the order of the models.
        reference: Name of the row that ratios and agreement refer to.
        machine: One line about the machine that latency was measured on.
        samples: Number of samples that quality was measured on.
        threads: Threads that latency was measured with.
        versions: Versions of the packages that took part, by name.
        lower_is_better: The metrics of which less is better.
        confidence: Of the intervals of the metrics, or None without intervals.
        details: What a page shows of the reference and of the last row, which is
            taken for the one that ships.

    Example:
    ```python
    comparison = tfc.report.compare({"teacher": teacher, "small": "small.tflite"}, test)
    print(comparison)
    comparison["small"].bytes
    comparison.to_html("report.html")
    ```
    """

    rows: tuple[Row, ...]
    reference: str
    machine: str
    samples: int
    threads: int
    versions: Mapping[str, str]
    lower_is_better: tuple[str, ...] = ()
    confidence: float | None = None
    details: Details = dataclasses.field(
        default_factory=Details, compare=False, repr=False
    )

    def __getitem__(self, name: str) -> Row:
        """Returns the row of this name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise ArgumentError(
            f"Expected one of {[row.name for row in self.rows]}. "
            f"Received: name={name!r}"
        )

    @property
    def metric(self) -> str:
        """The first metric, which plots and the Pareto front go by."""
        return next(iter(self.rows[0].quality))

    @property
    def pareto(self) -> tuple[str, ...]:
        """Names of the rows on the Pareto front of bytes and the first metric.

        No other row is as small and as good, and better in one of the two.
        """
        lower = self.metric in self.lower_is_better
        better = find_better(self.rows, "bytes", self.metric, lower=lower)
        return tuple(
            row.name
            for row, other in zip(self.rows, better, strict=True)
            if other is None
        )

    def describe(self) -> str:
        """Says in a sentence or two what was measured, and on what."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        intervals = (
            f" Intervals hold with {self.confidence:.0%} confidence, by bootstrap."
            if self.confidence
            else ""
        )
        agreement = self.rows[0].agreement is not None
        compared = "Ratios and agreement refer" if agreement else "Ratios refer"
        outputs = {name.rpartition("/")[0] for name in self.rows[0].quality}
        mean = (
            " Agreement is the mean over the outputs that name classes."
            if agreement and len(outputs) > 1
            else ""
        )
        return (
            "Every row is measured on its own .tflite file, run on LiteRT: "
            f"{self.samples:,} samples; parameters are the numbers in the file; "
            f"latency is the median of one run, {threads}, on {self.machine}. "
            f"{compared} to '{self.reference}'.{mean}{intervals}"
        )

    def to_markdown(self) -> str:
        """Returns the table in Markdown, with a line about the measurement below."""
        return table.to_markdown(self.rows, self[self.reference], self.describe())

    def plot(self, path: str | os.PathLike[str], x: str = "bytes") -> None:
        """Draws what each file costs against the first metric, and the Pareto front.

        Args:
            path: Where to write; `.png`, `.svg` or `.pdf`.
            x: `"bytes"`, the default, or `"latency_ms"`.

        Raises:
            ArgumentError: If the name ends otherwise, or if x is another one.
            OutputError: If the file cannot be written.
        """
        if x not in _COSTS:
            raise ArgumentError(f"x must be one of {list(_COSTS)}. Received: x={x!r}")
        lower = self.metric in self.lower_is_better
        points = make_points(self.rows, self.reference, x, self.metric, lower=lower)
        write_atomically(path, picture.draw(points, self.metric, x, path))

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        title: str = "Model comparison",
        notes: Mapping[str, str] | None = None,
        sensitivity: SensitivityCurves | None = None,
    ) -> None:
        """Writes one page with all that was measured, which needs no other file.

        It holds the table; size and latency against the first metric, with the Pareto
        front; and of the reference and the last row, which is taken for the one that
        ships, the layers (the 20 largest), the confusion matrices (a grid up to 20
        classes, the 20 most frequent confusions of more) and samples on which the two
        part (24 at the most). It opens offline, runs no script and fits a phone.

        Args:
            path: Where to write.
            title: Heading of the page.
            notes: How each row was made, by the row's name. Rows may be left out; what
                an artifact knows of itself stands there anyway.
            sensitivity: What a model loses with each of its parts pruned alone, such
                as `tfcompress.search.sensitivity(...).curves`; the 24 parts that lose
                most are shown.

        Raises:
            ArgumentError: If a note belongs to no row, or if sensitivity is no
                `SensitivityCurves`.
            OutputError: If the file cannot be written.
        """
        notes = notes or {}
        for name in notes:
            self[name]
        if not isinstance(sensitivity, SensitivityCurves | None):
            raise ArgumentError(
                "sensitivity must be SensitivityCurves, which are the curves of a "
                "result of tfcompress.search.sensitivity. "
                f"Received: sensitivity={sensitivity!r:.80}"
            )
        sections = page_sections
        reference, shipped = self[self.reference], self.rows[-1]
        lower = self.metric in self.lower_is_better
        parts = {
            "Cost and quality": sections.write_tradeoffs(
                self.rows, reference.name, lower=lower
            ),
            "Layer by layer": sections.write_layers(self.details),
            "Confusion matrices": sections.write_confusion(self.details),
            "Samples whose answer changed": sections.write_changes(
                self.details, self.samples, (reference.name, shipped.name)
            ),
            "Sensitivity": sections.write_sensitivity(sensitivity),
            "How each row was made": sections.write_making(self.rows, notes),
            "How it was measured": sections.write_measurement(
                self.describe(), self.versions
            ),
        }
        opening = sections.write_gain(shipped, reference)
        whole = page_table.write_table(self.rows, reference)
        opening += page.write_box(whole, "all rows")
        text = page.write(title, opening, [Section(*part) for part in parts.items()])
        write_atomically(path, text)

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data.

        Returns:
            The attributes of `Comparison`, and of `Row` under `rows`, where accuracy,
            macro recall and macro F1 stand beside `quality` too. Shares run from 0 to
            1, times are milliseconds. Under `layers`, `confusion_matrices` and
            `changes` is what a page shows of the reference and of the last row,
            without pictures; a confusion matrix is a list of what is not 0 in it:
            label, chosen class, how often.
        """
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("rows", "details")
        }
        changes = self.details.changes
        return {
            "rows": [_row_as_plain(row) for row in self.rows],
            **plain,
            "versions": dict(self.versions),
            "pareto": self.pareto,
            "layers": {
                name: [dataclasses.asdict(layer) for layer in layers]
                for name, layers in self.details.layers.items()
            },
            "classes": self.details.classes,
            "confusion_matrices": {
                name: _entries(matrix)
                for name, matrix in self.details.confusion_matrices.items()
            },
            "changes": None if changes is None else _changes_as_plain(changes),
        }

    def _table(self) -> Table:
        return table.to_rich(self.rows, self[self.reference])

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        yield from table.fit(self.rows, self[self.reference], console, options)
        yield table.as_text(self.describe())

    def _repr_html_(self) -> str:
        return page_table.write_notebook_table(
            self.rows, self[self.reference], self.describe()
        )


def _row_as_plain(row: Row) -> dict[str, Any]:
    values = dataclasses.asdict(row)
    named = {name: row.quality[name] for name in _NAMED if name in row.quality}
    return {"name": values.pop("name"), **named, **values}


def _entries(matrix: sparse.csr_array) -> list[tuple[int, int, float]]:
    pairs = matrix.tocoo()
    parts = (pairs.row, pairs.col, pairs.data)
    return list(zip(*(part.tolist() for part in parts), strict=True))


def _changes_as_plain(changes: Changes) -> dict[str, Any]:
    values = dataclasses.asdict(changes)
    for change in values["shown"]:
        del change["picture"]
    return values
