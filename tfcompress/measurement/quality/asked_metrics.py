"""The metrics that a user asked for, output by output."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.metrics import DEFAULTS, find_quality_metric
from tfcompress.measurement.quality.prediction import Predictions

MATRIX = "confusion_matrix"


class AskedMetrics:
    """The metrics that a user asked for, output by output.

    Args:
        metrics: As in `evaluate`.

    Raises:
        ArgumentError: If a metric is not known, or two have the same name.

    Example:
    ```python
    asked = AskedMetrics({"class": ["accuracy"], "age": "mae"})
    asked.kinds  # {"class": None, "age": "values"}
    ```
    """

    def __init__(self, metrics: Any) -> None:
        self._by_output = (
            {output: _read(part) for output, part in metrics.items()}
            if isinstance(metrics, Mapping)
            else None
        )
        self._shared = None if self._by_output is not None else _read(metrics)

    @property
    def kinds(self) -> dict[str, str | None] | str | None:
        """What the labels must be, as in `predict_each`."""
        if self._by_output is None:
            return _kind(self._shared)
        return {name: _kind(part) for name, part in self._by_output.items()}

    def order(self, outputs: Mapping[str, Predictions]) -> list[str]:
        """Returns the outputs to measure: those asked for, or those with labels."""
        if self._by_output is None:
            return [name for name, part in outputs.items() if part.labels is not None]
        for name in self._by_output:
            if name not in outputs:
                raise ArgumentError(
                    "metrics must be given by the names of outputs, or not by name for "
                    f"a model with one. Received: metrics for {name!r}, while the "
                    f"outputs are {list(outputs)}"
                )
            if outputs[name].labels is None:
                raise DataError(
                    "Labels are needed to measure quality; pass (x, y). Received: no "
                    f"labels for output {name!r}"
                )
        return list(self._by_output)

    def of(self, output: str, predictions: Predictions) -> list[Any]:
        """Returns the metrics for an output."""
        wanted = self._shared if self._by_output is None else self._by_output[output]
        if wanted is None:
            names = DEFAULTS[str(predictions.kind)]
            return [find_quality_metric(name) for name in names]
        return wanted


def _read(metrics: Any) -> list[Any] | None:
    """Returns metrics as a list of `QualityMetric`, and the name of the matrix."""
    if metrics is None:
        return None
    several = isinstance(metrics, Iterable) and not isinstance(metrics, str)
    given: Sequence[Any] = list(metrics) if several else [metrics]
    found = [
        metric
        if isinstance(metric, str) and metric == MATRIX
        else find_quality_metric(metric)
        for metric in given
    ]
    names = [part if isinstance(part, str) else part.name for part in found]
    if not names or len(set(names)) < len(names):
        raise ArgumentError(
            "metrics must be one or several, each of a name of its own; name Keras's "
            f"metrics, and write functions with names. Received: {names}"
        )
    return found


def _kind(metrics: list[Any] | None) -> str | None:
    kinds = [("classes",) if part == MATRIX else part.kinds for part in metrics or []]
    return "values" if kinds and all(kind == ("values",) for kind in kinds) else None
