"""The columns of a comparison, and how its numbers are written."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

from tfcompress.printing import three_digits
from tfcompress.report.row import Row

_SPELLINGS = {
    "auc": "AUC",
    "f1": "F1",
    "iou": "IoU",
    "mae": "MAE",
    "r2": "R\N{SUPERSCRIPT TWO}",
    "rmse": "RMSE",
    "roc": "ROC",
}
_SHARES = ("accuracy", "precision", "recall", "f1", "iou")


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of numbers.

    Attributes:
        title: What stands above it.
        text: Writes a row's number.
        note: Writes what stands below it, from the row and the reference: how the two
            compare, or an interval; empty where there is nothing to say.
        is_quality: Whether it says how good a row is, not what it costs.
    """

    title: str
    text: Callable[[Row], str]
    note: Callable[[Row, Row], str] = lambda row, reference: ""
    is_quality: bool = False


def describe_ratio(value: float, reference: float, *, less: str, more: str) -> str:
    """Says in words how many times less or more a value is than the reference.

    Args:
        value: A number above 0.
        reference: What to compare it with, above 0.
        less: Word for a value below the reference, such as `"smaller"`.
        more: Word for a value above it, such as `"larger"`.

    Returns:
        Such as `"41x smaller"`, with one decimal below 10, and `"the same"` if the
        ratio rounds to 1.0.

    Example:
    ```python
    describe_ratio(25, 100, less="smaller", more="larger")  # "4.0x smaller"
    ```
    """
    word = less if value < reference else more
    ratio = max(value, reference) / min(value, reference)
    if round(ratio, 1) == 1.0:
        return "the same"
    return f"{ratio:.1f}x {word}" if round(ratio, 1) < 10 else f"{ratio:.0f}x {word}"


def format_percent(share: float) -> str:
    """Writes a share as percent, such as `"97.22 %"`."""
    return f"{100 * share:.2f} %"


def format_milliseconds(milliseconds: float) -> str:
    """Writes a time with three significant digits, such as `"0.0123 ms"`."""
    return f"{three_digits(milliseconds)} ms"


def is_share(metric: str) -> bool:
    """Returns whether a metric is a share of 1, which reads best as percent."""
    return metric.lower().endswith(_SHARES)


def format_metric(metric: str, value: float) -> str:
    """Writes what a metric gave: a share as percent, else four significant digits."""
    return format_percent(value) if is_share(metric) else f"{value:.4g}"


def title_of(metric: str) -> str:
    """Writes the name of a metric for readers, such as `"macro F1"`."""
    words = metric.replace("_", " ").split(" ")
    return " ".join(_SPELLINGS.get(word, word) for word in words)


def columns_of(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Lists the columns of rows, quality first, then cost.

    A narrow terminal shows the two one below the other.

    Args:
        rows: Rows with the same metrics.

    Returns:
        A column for each metric, for agreement where it was measured, and for what a
        file costs.

    Example:
    ```python
    titles = [column.title for column in columns_of(comparison.rows)]
    ```
    """
    metrics = tuple(map(_metric_column, rows[0].quality))
    measured = all(row.agreement is not None for row in rows)
    return (*metrics, *([_AGREEMENT] if measured else []), *_COST)


def _metric_column(metric: str) -> Column:
    return Column(
        title_of(metric),
        lambda row: format_metric(metric, row.quality[metric]),
        lambda row, reference: _interval(row, metric),
        is_quality=True,
    )


def _interval(row: Row, metric: str) -> str:
    if metric not in row.intervals:
        return ""
    low, high = row.intervals[metric]
    if is_share(metric):
        return f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{low:.3g} to {high:.3g}"


def _ratio(row: Row, reference: Row, *, of: str, less: str, more: str) -> str:
    if row.name == reference.name:
        return ""
    value, other = getattr(row, of), getattr(reference, of)
    return describe_ratio(value, other, less=less, more=more)


_AGREEMENT = Column(
    "agreement", lambda row: format_percent(row.agreement or 0.0), is_quality=True
)
_COST = (
    Column("parameters", lambda row: f"{row.parameters:,}"),
    Column("zeros", lambda row: f"{100 * row.sparsity:.1f} %"),
    Column(
        "bytes",
        lambda row: f"{row.bytes:,}",
        functools.partial(_ratio, of="bytes", less="smaller", more="larger"),
    ),
    Column(
        "bytes after gzip",
        lambda row: f"{row.gzip_bytes:,}",
        functools.partial(_ratio, of="gzip_bytes", less="smaller", more="larger"),
    ),
    Column(
        "latency",
        lambda row: format_milliseconds(row.latency_ms),
        functools.partial(_ratio, of="latency_ms", less="faster", more="slower"),
    ),
)
