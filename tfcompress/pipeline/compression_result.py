"""What `compress` found, and all that it tried."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from tfcompress.errors import ArgumentError
from tfcompress.export import Artifact
from tfcompress.export.destination import check_path
from tfcompress.files import write_atomically
from tfcompress.measurement.cost.size import size
from tfcompress.measurement.cost.weights import count_weights
from tfcompress.measurement.speed.machine import describe_machine
from tfcompress.measurement.speed.versions import versions
from tfcompress.pipeline.attempt import Attempt, describe_smallest
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.quality_loss import describe_loss
from tfcompress.printing import three_digits
from tfcompress.report import Comparison, Row
from tfcompress.report.origin import describe_origin
from tfcompress.result import Result

_PACKAGES = ("tfcompress", "tensorflow", "keras", "tf-keras", "ai-edge-litert")


@dataclasses.dataclass(frozen=True)
class Compression(Result):
    """The file that `compress` chose, and all that it tried on the way.

    Attributes:
        attempts: What was tried, in order.
        chosen: That whose file was chosen.
        original: The float file of the original.
        demands: What was demanded, by the names of the arguments: `"max_bytes"`,
            `"max_latency_ms"`, `"max_drop"`.
        metric: Name of the metric.
        lower_is_better: Whether less of the metric is better, as of `"mae"`.
        samples: Number of samples that quality was measured on.
        directory: The folder of the run, or None where it was temporary.

    Example:
    ```python
    short = tfc.pipeline.Training(epochs=1)
    result = tfc.compress(model, (x, y), (x, y), max_bytes=20_000, training=short)
    print(result)
    result.save("small.tflite")
    ```
    """

    attempts: tuple[Attempt, ...]
    chosen: Attempt
    original: Attempt
    demands: Mapping[str, float]
    metric: str
    lower_is_better: bool
    samples: int
    directory: Path | None

    @property
    def artifact(self) -> Artifact:
        """The file that was chosen."""
        if self.chosen.artifact is None:
            raise ArgumentError(
                "The attempt has no file; choose one that has. "
                f"Received: chosen={self.chosen.name!r}"
            )
        return self.chosen.artifact

    @property
    def met(self) -> bool:
        """Whether it meets every demand."""
        return self.chosen.met

    @property
    def shortfall(self) -> Mapping[str, float]:
        """By how much the file misses each demand that it misses, by its name.

        Bytes for `"max_bytes"`, milliseconds for `"max_latency_ms"`, and for
        `"max_drop"` how much larger the drop is. Empty if every demand is met.
        """
        return self.chosen.shortfall

    @property
    def loss(self) -> str | None:
        """Says what the file lost, where that is much and nothing was demanded of it.

        Much is more than 5 points of accuracy, of macro F1, or of R2 in hundredths.
        """
        if "max_drop" in self.demands:
            return None
        return describe_loss(
            {self.metric: _figure(self.original.quality)},
            {self.metric: _figure(self.chosen.quality)},
            in_float=self.artifact.target.activations == "float32",
        )

    @property
    def pipeline(self) -> Pipeline:
        """What made the file; it can be run again, and written with `to_yaml`."""
        return self.chosen.pipeline

    @property
    def comparison(self) -> Comparison:
        """The original and every file that was made, the chosen one last.

        Nothing is measured anew. `to_html` of it writes a page.
        """
        files = [each for each in self.attempts if each.artifact is not None]
        others = [each for each in files if each is not self.chosen]
        agreement = None if self.chosen.agreement is None else 1.0
        original = dataclasses.replace(self.original, agreement=agreement)
        attempts = (original, *others, self.chosen)
        return Comparison(
            rows=tuple(self._row(attempt) for attempt in attempts),
            reference=self.original.name,
            machine=describe_machine(),
            samples=self.samples,
            threads=1,
            versions=versions(_PACKAGES),
            lower_is_better=(self.metric,) if self.lower_is_better else (),
        )

    def save(self, path: str | os.PathLike[str]) -> Artifact:
        """Writes the file to where it is to stay, with its account beside it.

        Args:
            path: Where; the name must end in `.tflite`, and its folder must exist.

        Returns:
            The `Artifact` there.

        Raises:
            ArgumentError: If the name ends otherwise.
            OutputError: If it cannot be written.
        """
        path = check_path(path)
        write_atomically(path, self.artifact.path.read_bytes())
        copy = dataclasses.replace(self.artifact, path=path)
        write_atomically(copy.account, self.artifact.account.read_bytes())
        return copy

    def describe(self) -> str:
        """Says what was demanded, what was chosen, and by how much it falls short."""
        asked = [_demand(name, value) for name, value in self.demands.items()]
        words = [f"Demanded: {' and '.join(asked)}."] if asked else []
        if self.met:
            words.append(f"Chosen: {self.chosen.name}.")
        else:
            short = " and ".join(self.chosen.describe_shortfall())
            words.append(
                "Nothing that was tried meets that. The best is "
                f"{self.chosen.name}, which is {short}."
            )
        smallest = describe_smallest(self.attempts, self.demands.get("max_bytes"))
        words += [] if smallest is None else [smallest]
        reasons = dict.fromkeys(each.reason for each in self.attempts if each.reason)
        for reason in reasons:
            names = [each.name for each in self.attempts if each.reason == reason]
            words.append(f"{', '.join(names)}: {reason}")
        place = (
            "in a temporary folder until the process ends; keep it with save"
            if self.directory is None
            else f"{self.artifact.path}"
        )
        return "\n".join([*words, f"The file is {place}."])

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data, and paths for files."""
        return {
            "met": self.met,
            "chosen": self.chosen.name,
            "file": str(self.artifact.path),
            "recipe": self.pipeline.to_yaml(),
            "demands": dict(self.demands),
            "shortfall": dict(self.shortfall),
            "metric": self.metric,
            "samples": self.samples,
            "original": self.original.to_dict(),
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "directory": None if self.directory is None else str(self.directory),
        }

    def _row(self, attempt: Attempt) -> Row:
        assert attempt.artifact is not None  # Only files have rows.
        weights, space = count_weights(attempt.artifact), size(attempt.artifact)
        target, made = describe_origin(attempt.artifact)
        return Row(
            name=attempt.name,
            quality={self.metric: _figure(attempt.quality)},
            parameters=weights.parameters,
            sparsity=weights.sparsity,
            bytes=space.bytes,
            gzip_bytes=space.gzip_bytes,
            latency_ms=_figure(attempt.latency_ms),
            agreement=attempt.agreement,
            target=target,
            made=made,
        )

    def _table(self) -> Table:
        table = Table("way", box=box.SIMPLE_HEAD, pad_edge=False)
        for title in (self.metric.replace(" ", "\n"), "drop", "bytes", "ms"):
            table.add_column(title, justify="right")
        table.add_column("met")
        for attempt in (self.original, *self.attempts):
            met = "yes" if attempt.met else "no"
            chosen = ", chosen" if attempt is self.chosen else ""
            table.add_row(
                attempt.name,
                _write(attempt.quality, ".4f"),
                _write(attempt.drop, "+.4f"),
                _write(attempt.bytes, ","),
                "-" if attempt.latency_ms is None else three_digits(attempt.latency_ms),
                "" if attempt is self.original else met + chosen,
            )
        return table


def _demand(name: str, value: float) -> str:
    return {
        "max_bytes": f"{value:,.0f} bytes at most",
        "max_latency_ms": f"{value:g} ms at most",
        "max_drop": f"a drop of {value:g} at most",
    }[name]


def _figure(value: float | None) -> float:
    """Returns a figure that was measured."""
    return float("nan") if value is None else value


def _write(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
