"""What a model loses with each of its parts pruned alone, as plain numbers."""

import dataclasses
import os
from collections.abc import Mapping

from tfcompress.errors import ArgumentError
from tfcompress.files import write_atomically
from tfcompress.report.sensitivity_picture import draw


@dataclasses.dataclass(frozen=True)
class SensitivityCurves:
    """The quality of a model over the share of one part that is pruned.

    `tfcompress.search.sensitivity` measures them; a report shows them.

    Attributes:
        metric: What was measured.
        points: For each part its points, `(ratio, quality)`, the first of them
            `(0.0, quality of the whole model)`.

    Raises:
        ArgumentError: If there is no part, or no point of one.

    Example:
    ```python
    curves = tfc.search.sensitivity(model, (x, y), technique="weight").curves
    comparison.to_html("report.html", sensitivity=curves)
    ```
    """

    metric: str
    points: Mapping[str, tuple[tuple[float, float], ...]]

    def __post_init__(self) -> None:
        if not self.points or not all(self.points.values()):
            raise ArgumentError(
                "Expected one part at least, with one point at least. "
                f"Received: points={dict(self.points)!r}"
            )

    def worst(self, count: int) -> "SensitivityCurves":
        """Returns the parts that lose most at their last point, in their order."""
        losses = {name: line[0][1] - line[-1][1] for name, line in self.points.items()}
        kept = sorted(losses, key=lambda name: -losses[name])[:count]
        chosen = {name: line for name, line in self.points.items() if name in kept}
        return SensitivityCurves(self.metric, chosen)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws a small curve for each part.

        Args:
            path: Where to write; `.png`, `.svg` or `.pdf`.

        Raises:
            ArgumentError: If the name ends otherwise.
            OutputError: If the file cannot be written.
        """
        write_atomically(path, draw(self.points, self.metric, path))
