"""A metric: what it is called, which labels it takes, how it is measured."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcompress.measurement.quality.prediction import Predictions

# How often each sample counts, an array of shape `(samples,)`, to what is measured.
Measure = Callable[[np.ndarray], float]


@dataclasses.dataclass(frozen=True)
class QualityMetric:
    """A metric of how well a model does its job.

    It is measured in two steps, so that a bootstrap need not begin anew for each
    resample: `prepare` looks at the predictions once, and gives a function of how
    often each sample counts.

    Attributes:
        name: Its name.
        prepare: Takes `Predictions` with labels and returns the `Measure`. A measure
            gives NaN where the metric is not defined.
        kinds: Kinds of labels that it takes, as in `Predictions.kind`.
        larger_is_better: Whether a larger number means a better model.
        needs: What the data must have for the metric to be defined, in words.

    Example:
    ```python
    import numpy as np

    from tfcompress.measurement.metrics import find_quality_metric

    measure = find_quality_metric("accuracy").prepare(predictions)
    measure(np.ones(len(predictions.scores)))  # each sample once
    ```
    """

    name: str
    prepare: Callable[[Predictions], Measure]
    kinds: tuple[str, ...] = ("classes",)
    larger_is_better: bool = True
    needs: str = "other data"


def sum_up(statistics: Any, combine: Callable[[np.ndarray], Any]) -> Measure:
    """Returns the measure that is a function of sums over the samples.

    Args:
        statistics: An array, NumPy's or SciPy's sparse one, of shape
            `(samples, sums)`.
        combine: Takes the sums, an array of shape `(sums,)`, and returns the number.

    Returns:
        The `Measure`.

    Example:
    ```python
    import numpy as np

    mean = sum_up(np.array([[3.0, 1.0], [5.0, 1.0]]), lambda sums: sums[0] / sums[1])
    mean(np.array([1.0, 1.0]))  # 4.0
    ```
    """
    rows = statistics.T
    return lambda counts: float(combine(rows @ counts))


def mean_over(weighted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the statistics of a weighted mean over all positions of all samples.

    Args:
        weighted: Numbers of shape `(samples, ...)`, weights multiplied in.
        weights: The weights, of the same shape.

    Returns:
        An array of shape `(samples, 2)`: the sum of each, sample by sample.
    """
    samples = len(weighted)
    sums = [part.reshape(samples, -1).sum(axis=1) for part in (weighted, weights)]
    return np.stack(sums, axis=1)
