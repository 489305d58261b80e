"""The columns of a comparison, and how its numbers are written."""

import dataclasses
from collections.abc import Callable

from tfcompress.report.row import Row


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of numbers.

    Attributes:
        title: What stands above it.
        text: Writes a row's number.
        ratio: Writes how it compares with the reference's, from the row and the
            reference; None where a ratio says nothing.
    """

    title: str
    text: Callable[[Row], str]
    ratio: Callable[[Row, Row], str] | None = None

    def ratio_text(self, row: Row, reference: Row) -> str:
        """Writes how a row's number compares with the reference's.

        Args:
            row: The row.
            reference: The row to compare with.

        Returns:
            Such as `"41x smaller"`; empty for the reference itself, and where a ratio
            says nothing.
        """
        if self.ratio is None or row.name == reference.name:
            return ""
        return self.ratio(row, reference)


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
    if milliseconds >= 100:
        return f"{milliseconds:,.0f} ms"
    digits = 1 if milliseconds >= 10 else 2 if milliseconds >= 1 else 3
    return f"{milliseconds:.{digits if milliseconds >= 0.1 else 4}f} ms"


# Quality first, then cost: a narrow terminal shows them one below the other.
COLUMNS = (
    Column("accuracy", lambda row: format_percent(row.accuracy)),
    Column("macro recall", lambda row: format_percent(row.macro_recall)),
    Column("macro F1", lambda row: format_percent(row.macro_f1)),
    Column("agreement", lambda row: format_percent(row.agreement)),
    Column("parameters", lambda row: f"{row.parameters:,}"),
    Column("zeros", lambda row: f"{100 * row.sparsity:.1f} %"),
    Column(
        "bytes",
        lambda row: f"{row.bytes:,}",
        lambda row, reference: describe_ratio(
            row.bytes, reference.bytes, less="smaller", more="larger"
        ),
    ),
    Column(
        "bytes after gzip",
        lambda row: f"{row.gzip_bytes:,}",
        lambda row, reference: describe_ratio(
            row.gzip_bytes, reference.gzip_bytes, less="smaller", more="larger"
        ),
    ),
    Column(
        "latency",
        lambda row: format_milliseconds(row.latency_ms),
        lambda row, reference: describe_ratio(
            row.latency_ms, reference.latency_ms, less="faster", more="slower"
        ),
    ),
)
