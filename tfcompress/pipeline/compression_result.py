"""What `compress` found, and all that it tried."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from tfcompress.errors import ArgumentError
from tfcompress.export import Artifact
from tfcompress.export.destination import check_path
from tfcompress.files import write_atomically
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.pipeline.quality_loss import describe_loss
from tfcompress.printing import three_digits
from tfcompress.result import Result


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One way that `compress` tried, and what its file is worth.

    Attributes:
        name: Of the pipeline.
        pipeline: What made the file.
        artifact: The file, or None where there is none.
        bytes: Its size; of a network that was not trained that of its untrained file.
        latency_ms: Its time, or that of the untrained file; None if not measured.
        quality: What the metric gives for the file, or None.
        drop: What that is worse than the original, as in `Compression`, or None.
        shortfall: By how much it misses each demand that it misses, by its name.
        reason: Why it was not trained, or why there is no file; else None.
    """

    name: str
    pipeline: Pipeline
    artifact: Artifact | None = None
    bytes: int | None = None
    latency_ms: float | None = None
    quality: float | None = None
    drop: float | None = None
    shortfall: Mapping[str, float] = dataclasses.field(default_factory=dict)
    reason: str | None = None

    @property
    def met(self) -> bool:
        """Whether there is a file that misses no demand."""
        return self.artifact is not None and not self.shortfall

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data."""
        return {
            "name": self.name,
            "file": None if self.artifact is None else str(self.artifact.path),
            "bytes": self.bytes,
            "latency_ms": self.latency_ms,
            "quality": self.quality,
            "drop": self.drop,
            "met": self.met,
            "shortfall": dict(self.shortfall),
            "reason": self.reason,
        }


@dataclasses.dataclass(frozen=True)
class Compression(Result):
    """The file that `compress` chose, and all that it tried on the way.

    Attributes:
        attempts: What was tried, in order.
        chosen: That whose file was chosen.
        demands: What was demanded, by the names of the arguments: `"max_bytes"`,
            `"max_latency_ms"`, `"max_drop"`.
        metric: Name of the metric. `"negative_mae"` is the negative of `"mae"`, so that
            more is better.
        original: Quality (`"quality"`), bytes (`"bytes"`) and milliseconds
            (`"latency_ms"`) of the float file of the original.
        directory: The folder of the run, or None where it was temporary.

    Example:
    ```python
    result = tfc.compress(model, (x, y), (x, y), max_bytes=20_000, epochs=1)
    print(result)
    result.save("small.tflite")
    ```
    """

    attempts: tuple[Attempt, ...]
    chosen: Attempt
    demands: Mapping[str, float]
    metric: str
    original: Mapping[str, float]
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
        if "max_drop" in self.demands or self.chosen.quality is None:
            return None
        return describe_loss(
            {self.metric: self.original["quality"]},
            {self.metric: self.chosen.quality},
            in_float=self.artifact.target.activations == "float32",
        )

    @property
    def pipeline(self) -> Pipeline:
        """What made the file; it can be run again, and written with `to_yaml`."""
        return self.chosen.pipeline

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
        words = [
            f"The float file of the original has {self.original['bytes']:,} bytes, "
            f"takes {three_digits(self.original['latency_ms'])} ms, and its "
            f"{self.metric} is {self.original['quality']:.4f}."
        ]
        words += [f"Demanded: {' and '.join(asked)}."] if asked else []
        if self.met:
            words.append(f"Chosen: {self.chosen.name}.")
        else:
            short = [_shortfall(n, v) for n, v in self.shortfall.items()]
            words.append(
                f"Nothing that was tried meets that. The best is {self.chosen.name}, "
                f"which is {' and '.join(short)}."
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
            "original": dict(self.original),
            "attempts": [attempt.to_dict() for attempt in self.attempts],
            "directory": None if self.directory is None else str(self.directory),
        }

    def _table(self) -> Table:
        table = Table("way", self.metric, "drop", "bytes", "ms", "met")
        table.add_row(
            "original",
            f"{self.original['quality']:.4f}",
            "",
            f"{self.original['bytes']:,}",
            three_digits(self.original["latency_ms"]),
            "",
        )
        for attempt in self.attempts:
            table.add_row(
                attempt.name,
                "-" if attempt.quality is None else f"{attempt.quality:.4f}",
                "-" if attempt.drop is None else f"{attempt.drop:+.4f}",
                "-" if attempt.bytes is None else f"{attempt.bytes:,}",
                "-" if attempt.latency_ms is None else three_digits(attempt.latency_ms),
                "yes" if attempt.met else "no",
            )
        return table


def describe_smallest(attempts: Sequence[Attempt], limit: float | None) -> str | None:
    """Says how small the smallest file is, where none is small enough.

    Args:
        attempts: What was tried, trained or not.
        limit: Bytes that a file may have, or None for any number.

    Returns:
        A sentence, or None where there is a file that is small enough, or none at all.

    Example:
    ```python
    from tfcompress.pipeline.compression_result import describe_smallest

    print(describe_smallest(result.attempts, 1_000))
    ```
    """
    sizes = {each.bytes: each.name for each in attempts if each.bytes is not None}
    least = min(sizes, default=None)
    if limit is None or least is None or least <= limit:
        return None
    return (
        f"No way gets down to {limit:,.0f} bytes: the smallest file, that of "
        f"{sizes[least]}, has {least:,}, which training does not change."
    )


def _demand(name: str, value: float) -> str:
    return {
        "max_bytes": f"{value:,.0f} bytes at most",
        "max_latency_ms": f"{value:g} ms at most",
        "max_drop": f"a drop of {value:g} at most",
    }[name]


def _shortfall(name: str, value: float) -> str:
    return {
        "max_bytes": f"{value:,.0f} bytes too large",
        "max_latency_ms": f"{three_digits(value)} ms too slow",
        "max_drop": f"{value:.4f} too much worse",
    }[name]
