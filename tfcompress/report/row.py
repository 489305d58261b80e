"""One row of a comparison."""

import dataclasses
from collections.abc import Mapping

from tfcompress.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured on one `.tflite` file.

    Attributes:
        name: Name of the row.
        quality: What each metric gave, by its name; of classifiers `"accuracy"`,
            `"macro_recall"` and `"macro_f1"`, of models that give real numbers `"mae"`,
            `"rmse"` and `"r2"`, unless others were asked for.
        parameters: Weights in the file.
        sparsity: Share of kernel weights that are zero, 0 to 1.
        bytes: Size of the file.
        gzip_bytes: Size of the file after gzip.
        latency_ms: Median time of one run, in milliseconds.
        agreement: Share of samples on which it chooses the same class as the
            reference, 0 to 1; the mean over the outputs whose labels name classes, if
            there are several; None for models that choose none.
        intervals: For each metric the ends of its confidence interval, where one was
            asked for.
        target: Name of the target that the file was made for, where it is known.
        made: How the file was made, as far as it is known.

    Example:
    ```python
    row = tfc.report.compare({"small": "small.tflite"}, test)["small"]
    print(row.accuracy, row.bytes)
    ```
    """

    name: str
    quality: Mapping[str, float]
    parameters: int
    sparsity: float
    bytes: int
    gzip_bytes: int
    latency_ms: float
    agreement: float | None = None
    intervals: Mapping[str, tuple[float, float]] = dataclasses.field(
        default_factory=dict
    )
    target: str = ""
    made: str = ""

    @property
    def accuracy(self) -> float:
        """Share of samples whose class is right, 0 to 1."""
        return self._metric("accuracy")

    @property
    def macro_recall(self) -> float:
        """Mean recall over classes, 0 to 1."""
        return self._metric("macro_recall")

    @property
    def macro_f1(self) -> float:
        """Mean F1 over classes, 0 to 1."""
        return self._metric("macro_f1")

    def _metric(self, name: str) -> float:
        if name not in self.quality:
            raise ArgumentError(
                f"{name} was not measured; ask for it with metrics=[{name!r}], if the "
                f"labels are classes. Received: row {self.name!r} with "
                f"{list(self.quality)}"
            )
        return self.quality[name]
