"""What was measured with each part of a model pruned alone."""

import dataclasses
import os
from collections.abc import Mapping
from numbers import Real
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress.errors import ArgumentError
from tfcompress.report import SensitivityCurves
from tfcompress.result import Result
from tfcompress.search.allocation import Allocation, Option, spread
from tfcompress.search.parts import Parts

_BUDGETS = {"macs": "multiply-adds", "weights": "weights"}


@dataclasses.dataclass(frozen=True)
class SensitivityRow:
    """One part of a model, pruned by one ratio.

    Attributes:
        name: Name of the layer or of the group of channels.
        ratio: Share of its weights or channels that was to go.
        quality: What the metric gave.
        loss: How much less that is than for the whole model.
        saved: How many `"weights"`, and `"multiply-adds"` for channels, this saves.
    """

    name: str
    ratio: float
    quality: float
    loss: float
    saved: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Sensitivity(Result):
    """What a model loses when one part of it alone is pruned.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        rows: One for each part and ratio, parts in the order of the model.
        baseline: What the metric gave for the whole model.
        metric: Name of the metric.
        parts: The parts, and what they cost together.

    Example:
    ```python
    result = tfc.search.sensitivity(model, (x, y), technique="weight")
    worst = max(result.rows, key=lambda row: row.loss)
    allocation = result.allocate(weights=0.3)
    pruning = tfc.pruning.MagnitudePruning(layers=allocation)
    ```
    """

    rows: tuple[SensitivityRow, ...]
    baseline: float
    metric: str
    parts: Parts = dataclasses.field(repr=False)

    def __getitem__(self, name: str) -> tuple[SensitivityRow, ...]:
        """Returns the rows of one part, by ratio."""
        found = tuple(row for row in self.rows if row.name == name)
        if not found:
            raise ArgumentError(
                f"Expected one of {list(self.parts.names)}. Received: name={name!r}"
            )
        return found

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratios, ascending."""
        return tuple(sorted({row.ratio for row in self.rows}))

    @property
    def curves(self) -> SensitivityCurves:
        """The quality at each ratio for each part, for a picture or a report."""
        points = {
            name: ((0.0, self.baseline), *((r.ratio, r.quality) for r in self[name]))
            for name in self.parts.names
        }
        return SensitivityCurves(self.metric, points)

    def allocate(
        self, *, macs: float | None = None, weights: float | None = None
    ) -> Allocation:
        """Spreads ratios over the parts so that a budget is met at least loss.

        Ratios are among those that were measured, and 0. The loss of several parts is
        taken to be the sum of what was measured for each alone. For weights the choice
        is the best there is, by a dynamic programme. For channels it is near it, since
        what one group saves depends on the others; the budget holds for all of them
        together, counted in the smaller model.

        Args:
            macs: Multiply-adds for one sample that may be left: a whole number, or a
                share in (0, 1) of those that the model has. For channels only.
            weights: Weights that may be left, in the same way: for channels all
                parameters count, for weights those in kernels that are not zero, as a
                share of all in kernels.

        Returns:
            The `Allocation`, a mapping from names to ratios, for
            `ChannelPruning(ratio=...)` or `MagnitudePruning(layers=...)` with the same
            `ignored`, importance and rounding.

        Raises:
            ArgumentError: If not one budget is given, if it is out of range, if the
                technique saves nothing of it, or if it cannot be met.
        """
        given = {"macs": macs, "weights": weights}
        chosen = {key: value for key, value in given.items() if value is not None}
        if len(chosen) != 1:
            raise ArgumentError(f"Give one budget, macs or weights. Received: {given}")
        ((name, budget),) = chosen.items()
        counted = _BUDGETS[name]
        if counted not in self.parts.counted:
            raise ArgumentError(
                "Zeros among the weights save no multiply-adds; give a budget of "
                f"weights, or search channels. Received: {name}={budget!r}"
            )
        whole = self.parts.cost({}, counted)
        limit = _limit(name, budget, self.parts.whole(counted))
        options = {
            part: [
                Option(0.0, 0, 0.0),
                *(Option(r.ratio, r.saved[counted], r.loss) for r in self[part]),
            ]
            for part in self.parts.names
        }
        found = spread(options, lambda ratios: self.parts.cost(ratios, counted), limit)
        if found is None:
            most = {part: self.ratios[-1] for part in options}
            raise ArgumentError(
                "The budget cannot be met with the ratios that were measured; measure "
                f"larger ones, or ignore less. Received: {name}={budget!r}, which is "
                f"{limit:,} {counted} of {whole:,}; with every part at "
                f"{self.ratios[-1]:g} it comes to {self.parts.cost(most, counted):,}"
            )
        ratios = {part: option.ratio for part, option in found.items()}
        loss = sum(option.loss for option in found.values())
        return Allocation(
            ratios, loss, counted, whole, self.parts.cost(ratios, counted)
        )

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the quality at each ratio for each part.

        Args:
            path: Where to write; `.png`, `.svg` or `.pdf`.

        Raises:
            ArgumentError: If the name ends otherwise.
            OutputError: If the file cannot be written.
        """
        self.curves.plot(path)

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data."""
        return {
            "metric": self.metric,
            "baseline": self.baseline,
            "rows": [dataclasses.asdict(row) for row in self.rows],
        }

    def describe(self) -> str:
        """Says in a sentence or two what was measured."""
        return (
            f"{self.metric} is {self.baseline:.4f} for the whole model. Each "
            f"{self.parts.kind} was pruned alone, without training; the columns give "
            f"what {self.metric} was at each ratio, and the change below."
        )

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column(self.parts.kind, overflow="fold")
        for ratio in self.ratios:
            table.add_column(f"{ratio:g}", justify="right", no_wrap=True)
        for counted in self.parts.counted:
            title = f"{counted}\nsaved at {self.ratios[-1]:g}"
            table.add_column(title, justify="right", no_wrap=True)
        for name in self.parts.names:
            rows = self[name]
            cells = [f"{row.quality:.4f}\n{0.0 - row.loss:+.4f}" for row in rows]
            saved = [f"{rows[-1].saved[c]:,}" for c in self.parts.counted]
            table.add_row(Text(name), *cells, *saved)
        return table


def _limit(name: str, budget: Any, whole: int) -> int:
    number = isinstance(budget, Real) and not isinstance(budget, bool)
    if number and 0 < float(budget) < 1:
        return int(float(budget) * whole)
    if number and float(budget) >= 1 and float(budget).is_integer():
        return int(budget)
    raise ArgumentError(
        f"{name} must be a share in (0, 1) of what the model has, or a whole number. "
        f"Received: {name}={budget!r}"
    )
