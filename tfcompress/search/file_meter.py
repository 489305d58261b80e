"""Measures files beside the float file that they come from."""

import os
from typing import Any

from tfcompress.errors import DataError
from tfcompress.measurement.quality.agreement import share_agreement
from tfcompress.measurement.quality.metric import (
    AGREEMENT,
    Metric,
    find_metric,
    orient_metric,
    split_output,
)
from tfcompress.measurement.quality.prediction import Predictions, predict_each
from tfcompress.measurement.quality.quality import label_kinds, score

Path = str | os.PathLike[str]


class FileMeter:
    """Measures what a file is worth, on the runtime that ships.

    Args:
        float_file: The float `.tflite` file.
        data: What to measure on.
        metric: As in `bit_width`.

    Attributes:
        name: Name of the metric.
        baseline: What it gives for the float file.

    Raises:
        ArgumentError: If the metric is not known.
        DataError: If the data does not fit the file, or has no labels for a metric that
            needs them.
    """

    def __init__(self, float_file: Path, data: Any, metric: str | Metric) -> None:
        self._float_file = float_file
        self._data = data
        self.name, self._metric = find_metric(metric, float_file)
        self._given = metric if isinstance(metric, str) else None
        if self._given is None:
            self.baseline = self._metric(float_file, data)
        else:
            (exact,) = self._predict(self._given, float_file)
            self.baseline = self._quality(self._given, exact, exact)

    def measure(self, file: Path) -> tuple[float, float | None]:
        """Returns the quality of a file, and its agreement with the float file.

        Agreement is None where the metric is a function, where the labels are not
        class numbers, and where there are several outputs.
        """
        if self._given is None:
            return self._metric(file, self._data), None
        exact, found = self._predict(self._given, self._float_file, file)
        quality = self._quality(self._given, exact, found)
        single = isinstance(found, Predictions)
        if not single or found.kind not in (None, "classes"):
            return quality, None
        return quality, share_agreement(exact, found)

    def _predict(self, metric: str, *files: Path) -> list[Any]:
        kinds = None if metric == AGREEMENT else label_kinds(split_output(metric))
        return predict_each(files, self._data, kinds=kinds)

    def _quality(self, metric: str, exact: Any, found: Any) -> float:
        if metric == AGREEMENT:
            return share_agreement(exact, found)
        if isinstance(found, Predictions) and found.labels is None:
            raise DataError(
                f"Labels are needed to measure {metric}; pass (x, y) as data, or "
                'metric="agreement". Received: x alone'
            )
        return orient_metric(metric)[1] * score(found, split_output(metric))[metric]
