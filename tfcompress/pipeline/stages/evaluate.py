"""The stage that measures."""

import dataclasses
from typing import Annotated, ClassVar

from tfcompress.pipeline.fields import Count, Positive, Range
from tfcompress.pipeline.stages.stage import Stage


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluate(Stage):
    """Compares the original, and every file that was exported, on the test data.

    Attributes:
        metrics: Names of metrics, as `measurement.evaluate` takes them. Default to
            those of the task.
        confidence: Of the intervals of quality, such as 0.95; None for none.
        threads: Threads that a run may use. Defaults to 1.
        seconds: How long each file is timed. Defaults to 1.

    Example:
    ```python
    stage = tfc.pipeline.Evaluate(confidence=0.95)
    ```
    """

    kind: ClassVar[str] = "evaluate"
    metrics: tuple[str, ...] | None = None
    confidence: Annotated[float, Range(0, 1, low_open=True, high_open=True)] | None = (
        None
    )
    threads: Count = 1
    seconds: Positive = 1.0
