"""How much a number measured on a sample of the world could be another one."""

from collections.abc import Mapping

import numpy as np

from tfcompress.errors import ArgumentError, DataError
from tfcompress.measurement.metrics.quality_metric import Measure


def bootstrap(
    measures: Mapping[str, Measure],
    samples: int,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Computes percentile bootstrap intervals of metrics over samples.

    As many samples are drawn with replacement as there are, again and again, and the
    ends of the middle share of what the metric gives are the interval. All metrics see
    the same resamples; those in which a metric is not defined do not count for it.
    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Args:
        measures: By name, functions of how often each sample counts, an array of shape
            `(samples,)`.
        samples: Number of samples.
        confidence: Share of resamples that the interval holds, in (0, 1).
        resamples: How often to draw, 1 or more.
        seed: Seed of the draws, so that they can be repeated.

    Returns:
        The lower and upper end by name; NaN if a metric is never defined.

    Raises:
        ArgumentError: If an argument is outside what is allowed.

    Example:
    ```python
    import numpy as np

    ages = np.array([31.0, 40.0, 52.0, 47.0])
    mean = {"age": lambda counts: np.average(ages, weights=counts)}
    low, high = bootstrap(mean, len(ages))["age"]
    ```
    """
    check_bootstrap(confidence, resamples)
    generator = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in measures}
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(resamples):
            drawn = generator.integers(0, samples, samples)
            counts = np.bincount(drawn, minlength=samples).astype(np.float64)
            for name, measure in measures.items():
                found[name].append(_measure(measure, counts))
    ends = (1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0
    intervals = {}
    for name, numbers in found.items():
        defined = np.array(numbers)[np.isfinite(numbers)]
        low, high = np.quantile(defined, ends) if defined.size else (np.nan, np.nan)
        intervals[name] = (float(low), float(high))
    return intervals


def _measure(measure: Measure, counts: np.ndarray) -> float:
    try:
        return measure(counts)
    except DataError:  # A class that the metric needs was not drawn, for one.
        return np.nan


def check_bootstrap(confidence: float, resamples: int) -> None:
    """Raises an error if there is no such bootstrap.

    Raises:
        ArgumentError: If `confidence` is not within 0 and 1, or `resamples` below 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ArgumentError(
            "confidence must be a share between 0 and 1, such as 0.95. "
            f"Received: confidence={confidence}"
        )
    if isinstance(resamples, bool) or not isinstance(resamples, int) or resamples < 1:
        raise ArgumentError(
            "resamples must be a whole number of 1 or more. "
            f"Received: resamples={resamples}"
        )
