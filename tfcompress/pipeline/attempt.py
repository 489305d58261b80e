"""One way that `compress` tried."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfcompress.export import Artifact
from tfcompress.pipeline.pipeline import Pipeline
from tfcompress.printing import three_digits


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
        drop: By how much that is worse than for the original, or None; of a metric of
            which less is better, by what share.
        agreement: Share of samples on which it chooses the class that the original
            chooses, or None.
        shortfall: By how much it misses each demand that it misses, by its name.
        reason: Why it was not trained, or why there is no file; else None.

    Example:
    ```python
    for attempt in result.attempts:
        print(attempt.name, attempt.bytes, attempt.quality, attempt.met)
    ```
    """

    name: str
    pipeline: Pipeline
    artifact: Artifact | None = None
    bytes: int | None = None
    latency_ms: float | None = None
    quality: float | None = None
    drop: float | None = None
    agreement: float | None = None
    shortfall: Mapping[str, float] = dataclasses.field(default_factory=dict)
    reason: str | None = None

    @property
    def met(self) -> bool:
        """Whether there is a file that misses no demand."""
        return self.artifact is not None and not self.shortfall

    def describe(self, metric: str) -> str:
        """Says on a line what the file is worth, or why there is none.

        Args:
            metric: What its quality is called.

        Returns:
            Such as `"taught: accuracy 0.9731, 21,320 bytes, 0.0210 ms"`.
        """
        if self.artifact is None:
            return f"{self.name}: {self.reason}"
        return ", ".join(
            [
                f"{self.name}: {metric} {self.quality:.4f}",
                f"{self.bytes:,} bytes",
                f"{three_digits(self.latency_ms or 0.0)} ms",
                *self.describe_shortfall(),
            ]
        )

    def describe_shortfall(self) -> list[str]:
        """Says by how much it misses each demand that it misses."""
        words = {
            "max_bytes": "{:,.0f} bytes too large",
            "max_latency_ms": "{:.3g} ms too slow",
            "max_drop": "{:.4f} too much worse",
        }
        return [words[name].format(value) for name, value in self.shortfall.items()]

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data."""
        return {
            "name": self.name,
            "file": None if self.artifact is None else str(self.artifact.path),
            "bytes": self.bytes,
            "latency_ms": self.latency_ms,
            "quality": self.quality,
            "drop": self.drop,
            "agreement": self.agreement,
            "met": self.met,
            "shortfall": dict(self.shortfall),
            "reason": self.reason,
        }


def describe_smallest(attempts: Sequence[Attempt], limit: float | None) -> str | None:
    """Says how small the smallest file is, where none is small enough.

    Args:
        attempts: What was tried, trained or not.
        limit: Bytes that a file may have, or None for any number.

    Returns:
        A sentence, or None where there is a file that is small enough, or none at all.

    Example:
    ```python
    from tfcompress.pipeline.attempt import describe_smallest

    print(describe_smallest(result.attempts, 1_000))
    ```
    """
    sizes = [(each.bytes, each.name) for each in attempts if each.bytes is not None]
    least, name = min(sizes, key=lambda size: size[0], default=(0, ""))
    if limit is None or least <= limit:
        return None
    return (
        f"No way gets down to {limit:,.0f} bytes: the smallest file, that of {name}, "
        f"has {least:,}, which training does not change."
    )
