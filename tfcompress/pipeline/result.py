"""What a pipeline leaves."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from tfcompress.export import Artifact
from tfcompress.pipeline.quality_loss import describe_loss
from tfcompress.report import Comparison
from tfcompress.result import Result


@dataclasses.dataclass(frozen=True)
class StageResult:
    """What a stage left.

    Attributes:
        name: Of the stage.
        kind: Of the stage.
        path: Its folder.
        seconds: How long it took when it was done.
        reused: Whether an earlier run had done it.
        history: Its figures after each epoch by name; empty where it did not train.
        account: What was done to which layer and what was not, and why.

    Example:
    ```python
    for stage in result.stages.values():
        print(stage.name, stage.seconds, stage.history)
    ```
    """

    name: str
    kind: str
    path: Path
    seconds: float
    reused: bool
    history: Mapping[str, list[float]]
    account: str


@dataclasses.dataclass(frozen=True)
class PipelineResult(Result):
    """What a pipeline leaves.

    Attributes:
        stages: What each stage left, by its name.
        directory: The folder of the run.
        model: The plain model after the last stage that trains.
        artifacts: The file of each stage `export` by its name.
        comparison: What the last stage `evaluate` measured, or None. Of a stage that an
            earlier run had done it has the rows, and not what only the page shows.

    Example:
    ```python
    print(result)
    print(result.comparison)
    result.artifact.path
    ```
    """

    stages: dict[str, StageResult]
    directory: Path
    model: Any
    artifacts: dict[str, Artifact]
    comparison: Comparison | None

    @property
    def artifact(self) -> Artifact | None:
        """The last file, or None where nothing was exported."""
        return next(reversed(self.artifacts.values()), None)

    @property
    def loss(self) -> str | None:
        """Says what the last file lost, where it was measured and lost much.

        Much is more than 5 points of accuracy, of macro F1, or of R2 in hundredths.
        """
        if self.artifact is None or self.comparison is None:
            return None
        rows = {row.name: row for row in self.comparison.rows}
        file = rows.get(next(reversed(self.artifacts)))
        if file is None:
            return None
        return describe_loss(
            rows[self.comparison.reference].quality,
            file.quality,
            in_float=self.artifact.target.activations == "float32",
        )

    def describe(self) -> str:
        """Says where everything is.

        Returns:
            A sentence or two.
        """
        return f"Models, files and figures are in {self.directory}."

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data, and paths for models and files."""
        return {
            "directory": str(self.directory),
            "stages": {
                name: {**dataclasses.asdict(stage), "path": str(stage.path)}
                for name, stage in self.stages.items()
            },
            "artifacts": {
                name: str(artifact.path) for name, artifact in self.artifacts.items()
            },
            "comparison": self.comparison and self.comparison.to_dict(),
        }

    def _table(self) -> Table:
        table = Table("stage", "kind", "seconds", "done")
        for stage in self.stages.values():
            done = "before" if stage.reused else "now"
            table.add_row(stage.name, stage.kind, f"{stage.seconds:.0f}", done)
        return table
