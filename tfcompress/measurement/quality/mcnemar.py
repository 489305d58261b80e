"""Whether one model is right more often than another, or was only lucky."""

import dataclasses
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.measurement.quality.agreement import check_same_classes
from tfcompress.measurement.quality.labels import check_labelled
from tfcompress.measurement.quality.prediction import Predictions, predict_each

# With fewer samples on which one alone is right, chi-square is not near enough.
_FEW = 25


@dataclasses.dataclass(frozen=True)
class McNemar:
    """McNemar's test of two models on the same samples.

    Attributes:
        p_value: How likely the models would part as unevenly as this, or more, if both
            were right equally often; below 0.05 one is usually said to be better.
        only_first: Number of samples on which the first model alone is right.
        only_second: Number of samples on which the second model alone is right.
        both: Number of samples on which both are right.
        neither: Number of samples on which both are wrong.
        method: `"exact"` for the binomial test, `"chi-square"` for the test with
            continuity correction.
        statistic: The chi-square statistic, or None if the test is exact.
    """

    p_value: float
    only_first: int
    only_second: int
    both: int
    neither: int
    method: str
    statistic: float | None = None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.only_first + self.only_second + self.both + self.neither

    def __str__(self) -> str:
        """Returns a sentence."""
        return (
            f"On {self.samples:,} samples the first model alone is right on "
            f"{self.only_first:,}, the second alone on {self.only_second:,}: "
            f"p = {self.p_value:.4g} (McNemar's test, {self.method})."
        )


def mcnemar(
    first: Any, second: Any, data: Any, *, batch_size: int = 256, threads: int = 1
) -> McNemar:
    """Tests whether two classifiers are right equally often.

    Both are run on the same samples, and only those count on which one alone is right.
    With fewer than 25 of them the p-value is that of the exact binomial test, with more
    that of chi-square with continuity correction. McNemar, "Note on the sampling error
    of the difference between correlated proportions or percentages", 1947,
    https://doi.org/10.1007/BF02295996; Edwards, "Note on the 'correction for
    continuity'", 1948, https://doi.org/10.1007/BF02289261.

    Args:
        first: A model or file, as in `predict`.
        second: The other one.
        data: Inputs and class numbers, one for each sample, in a form that
            `tfcompress.data.batches` accepts; read once. Samples of weight 0 are left
            out; every other counts once.
        batch_size: Samples in a batch, where `data` holds whole arrays.
        threads: Threads for `.tflite` files.

    Returns:
        The `McNemar` result.

    Raises:
        DataError: If data is empty, has no labels, does not fit the models, or has not
            one class number for each sample.
        ModelError: If a model or file cannot be used, if it has several outputs, or if
            the two do not have the same number of classes.

    Example:
    ```python
    test = tfc.measurement.mcnemar(teacher, "small.tflite", (images, labels))
    print(test.p_value)
    ```
    """
    check_labelled(data)
    return run_mcnemar(
        *predict_each([first, second], data, batch_size=batch_size, threads=threads)
    )


def run_mcnemar(first: Predictions, second: Predictions) -> McNemar:
    """Runs McNemar's test on predictions that are there already.

    Args:
        first: Predictions on labelled data.
        second: Predictions of another model on the same samples, in the same order.

    Returns:
        The `McNemar` result.

    Raises:
        DataError: If there are no labels, or not one class number for each sample.
        ModelError: As `mcnemar` does.
    """
    check_same_classes(first, second)
    if first.labels is None or first.labels.ndim != 1:
        raise DataError(
            "McNemar's test needs one class number for each sample, for pixels and "
            "steps of one sample do not vary on their own; pass (x, y). Received: "
            + (
                "x alone"
                if first.labels is None
                else f"y of shape {first.labels.shape}"
            )
        )
    counted = first.label_weights > 0
    right = first.right[counted], second.right[counted]
    only_first = int(np.sum(right[0] & ~right[1]))
    only_second = int(np.sum(right[1] & ~right[0]))
    p_value, statistic = compute_p_value(only_first, only_second)
    return McNemar(
        p_value=p_value,
        only_first=only_first,
        only_second=only_second,
        both=int(np.sum(right[0] & right[1])),
        neither=int(np.sum(~right[0] & ~right[1])),
        method="exact" if statistic is None else "chi-square",
        statistic=statistic,
    )


def compute_p_value(only_first: int, only_second: int) -> tuple[float, float | None]:
    """Returns the p-value of McNemar's test, and the chi-square statistic.

    `(|b - c| - 1)**2 / (b + c)` for b samples on which the first model alone is right
    and c on which the second is, or None where the exact test is used.

    Args:
        only_first: b.
        only_second: c.
    """
    from scipy import stats  # Takes long to load, which a benchmark need not wait for.

    parted = only_first + only_second
    if not parted:
        return 1.0, None
    if parted < _FEW:
        return float(stats.binomtest(only_first, parted, 0.5).pvalue), None
    statistic = (abs(only_first - only_second) - 1) ** 2 / parted
    return float(stats.chi2.sf(statistic, df=1)), statistic
