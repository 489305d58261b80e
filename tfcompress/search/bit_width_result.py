"""What was measured of each file on the way to the one that ships."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress import printing
from tfcompress.errors import ArgumentError
from tfcompress.export.account.artifact import Artifact
from tfcompress.result import Result
from tfcompress.search.bit_choice import BitChoice

_TITLES = ("rung", "{}", "change", "agreement", "bytes", "of float", "met")


@dataclasses.dataclass(frozen=True)
class Rung:
    """One way to quantize the model, and what its file is worth.

    Attributes:
        name: What was done.
        artifact: The file, or None where there is none.
        quality: What the metric gives for the file, or None.
        drop: How much less that is than for the float file, or None.
        agreement: Share of samples of the same class as with the float file, or None.
        met: Whether the file meets what was asked for.
        choices: How the layers store their weights.
        reason: Why there is no file, or None.
    """

    name: str
    artifact: Artifact | None = None
    quality: float | None = None
    drop: float | None = None
    agreement: float | None = None
    met: bool = False
    choices: Mapping[str, BitChoice] = dataclasses.field(default_factory=dict)
    reason: str | None = None

    @property
    def bytes(self) -> int | None:
        """Bytes of the file."""
        return None if self.artifact is None else self.artifact.bytes


@dataclasses.dataclass(frozen=True)
class BitWidths(Result):
    """The file that was chosen, and all that were tried before.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        rungs: What was tried, in order.
        chosen: The rung whose file was chosen.
        metric: Name of the metric.
        baseline: What it gives for the float file.
        float_bytes: Bytes of the float file.
        budget: Bytes that were allowed, or None.
        max_drop: The drop of the metric that was allowed, or None.

    Example:
    ```python
    result = tfc.search.bit_width(model, (x, y), max_drop=0.02)
    print(result)
    print(result.artifact.path, result.met, dict(result.choices))
    ```
    """

    rungs: tuple[Rung, ...]
    chosen: Rung
    metric: str
    baseline: float
    float_bytes: int
    budget: int | None = None
    max_drop: float | None = None

    @property
    def artifact(self) -> Artifact:
        """The file that was chosen."""
        if self.chosen.artifact is None:
            raise ArgumentError(f"No file. Received: rung {self.chosen.name!r}")
        return self.chosen.artifact

    @property
    def met(self) -> bool:
        """Whether it meets what was asked for."""
        return self.chosen.met

    @property
    def choices(self) -> Mapping[str, BitChoice]:
        """How the layers of the chosen file store their weights."""
        return self.chosen.choices

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data."""
        rungs = [
            {
                "name": rung.name,
                "bytes": rung.bytes,
                "quality": rung.quality,
                "drop": rung.drop,
                "agreement": rung.agreement,
                "met": rung.met,
                "choices": {name: str(c) for name, c in rung.choices.items()},
                "reason": rung.reason,
            }
            for rung in self.rungs
        ]
        return {**vars(self), "rungs": rungs, "chosen": self.chosen.name}

    def to_markdown(self) -> str:
        """Returns the table in Markdown."""
        rows = [self._cells(rung) for rung in self.rungs]
        return printing.to_markdown(self._titles(), rows, self.describe())

    def describe(self) -> str:
        """Says in a sentence or two what was asked for and what was chosen."""
        asked = []
        if self.budget is not None:
            asked.append(f"at most {self.budget:,} bytes")
        if self.max_drop is not None:
            asked.append(f"a drop of {self.max_drop:g} at most")
        verdict = "Chosen" if self.met else "No file meets that; the best one is"
        formats: dict[str, int] = {}
        for choice in self.choices.values():
            formats[str(choice)] = formats.get(str(choice), 0) + 1
        told = ", ".join(f"{count} in {name}" for name, count in formats.items())
        layers = f" Its layers: {told}." if told else ""
        missing = [f"{r.name}: {r.reason}." for r in self.rungs if r.reason]
        return " ".join(
            [
                f"{self.metric} is {self.baseline:.4f} for the float file of "
                f"{self.float_bytes:,} bytes. Asked for: {' and '.join(asked)}. "
                f"{verdict}: {self.chosen.name}.{layers}",
                *missing,
            ]
        )

    def _titles(self) -> list[str]:
        return [title.format(self.metric) for title in _TITLES]

    def _cells(self, rung: Rung) -> list[str]:
        if rung.bytes is None or rung.quality is None or rung.drop is None:
            return [rung.name, *("-" for _ in _TITLES[1:])]
        agreement = "-" if rung.agreement is None else f"{rung.agreement:.4f}"
        return [
            rung.name,
            f"{rung.quality:.4f}",
            f"{0.0 - rung.drop:+.4f}",
            agreement,
            f"{rung.bytes:,}",
            f"{rung.bytes / self.float_bytes:.1%}",
            "yes" if rung.met else "no",
        ]

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        title, *titles = self._titles()
        table.add_column(title, overflow="fold")
        for title in titles:
            table.add_column(Text(title), justify="right", no_wrap=True)
        for rung in self.rungs:
            table.add_row(*map(Text, self._cells(rung)))
        return table
