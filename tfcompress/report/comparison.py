"""Several models, measured side by side."""

import dataclasses
import json
import os
from collections.abc import Mapping

from rich.console import Console, ConsoleOptions, RenderResult

from tfcompress.errors import ArgumentError
from tfcompress.files import write_atomically
from tfcompress.printing import to_text
from tfcompress.report import page, picture, table
from tfcompress.report.row import Row


@dataclasses.dataclass(frozen=True)
class Comparison:
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

    def __getitem__(self, name: str) -> Row:
        """Returns the row of this name."""
        for row in self.rows:
            if row.name == name:
                return row
        raise ArgumentError(
            f"Expected one of {[row.name for row in self.rows]}. "
            f"Received: name={name!r}"
        )

    def describe(self) -> str:
        """Says in a sentence or two what was measured, and on what."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return (
            "Every row is measured on its own .tflite file, run on LiteRT: "
            f"{self.samples:,} samples; latency is the median of one run, {threads}, "
            f"on {self.machine}. Ratios and agreement refer to '{self.reference}'."
        )

    def to_markdown(self) -> str:
        """Returns the table in Markdown, with a line about the measurement below."""
        return table.to_markdown(self.rows, self[self.reference], self.describe())

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns all numbers as JSON, and writes them to a file if asked.

        Args:
            path: Where to write, or None.

        Returns:
            The text: an object with the attributes of `Comparison`, and of `Row`
            under `rows`. Shares run from 0 to 1, times are milliseconds.

        Raises:
            OutputError: If the file cannot be written.
        """
        values = dataclasses.asdict(self)
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            write_atomically(path, text)
        return text

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws size against accuracy.

        Args:
            path: Where to write; `.png`, `.svg` or `.pdf`.

        Raises:
            ArgumentError: If the name ends otherwise.
            OutputError: If the file cannot be written.
        """
        write_atomically(path, picture.draw(self.rows, self.reference, path))

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        title: str = "Model comparison",
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Writes one page with the table and the picture, which needs no other file.

        Args:
            path: Where to write.
            title: Heading of the page.
            notes: How each row was made, by the row's name. Rows may be left out.

        Raises:
            ArgumentError: If a note belongs to no row.
            OutputError: If the file cannot be written.
        """
        for name in notes or {}:
            self[name]
        text = page.write(
            self.rows,
            self[self.reference],
            title=title,
            description=self.describe(),
            notes=notes or {},
            versions=self.versions,
        )
        write_atomically(path, text)

    def __str__(self) -> str:
        rows = table.to_rich(self.rows, self[self.reference])
        return to_text(rows, self.describe())

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        yield from table.fit(self.rows, self[self.reference], console, options)
        yield table.as_text(self.describe())

    def _repr_html_(self) -> str:
        return page.write_table(self.rows, self[self.reference], self.describe())
