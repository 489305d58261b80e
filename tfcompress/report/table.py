"""A comparison as a table: on a terminal, and in Markdown."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tfcompress.report.columns import COLUMNS, COST, QUALITY, Column
from tfcompress.report.row import Row


def to_rich(
    rows: Sequence[Row], reference: Row, columns: Sequence[Column] = COLUMNS
) -> Table:
    """Builds a table for the terminal.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        columns: Which columns to show. Defaults to all.

    Returns:
        A rich table; numbers keep to their line, the ratio stands below.
    """
    result = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    result.add_column("", min_width=10, overflow="fold")
    for column in columns:
        title = column.title.replace(" ", "\n", 1)
        result.add_column(title, justify="right", no_wrap=True, vertical="top")
    for row in rows:
        cells = [
            as_text(f"{column.text(row)}\n{column.ratio_text(row, reference)}".strip())
            for column in columns
        ]
        result.add_row(as_text(row.name), *cells)
    return result


def fit(
    rows: Sequence[Row], reference: Row, console: Console, options: ConsoleOptions
) -> Iterator[Table]:
    """Gives one table if it fits the terminal, else two: quality and cost.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        console: The console that will print.
        options: Its options, which hold the width.

    Yields:
        One table or two.
    """
    whole = to_rich(rows, reference)
    measured = Measurement.get(console, options.update_width(10_000), whole)
    if measured.minimum <= options.max_width:
        yield whole
    else:
        yield to_rich(rows, reference, QUALITY)
        yield to_rich(rows, reference, COST)


def as_text(words: str) -> Text:
    """Makes text that rich prints as it stands, without reading markup in it."""
    return Text(words)


def to_markdown(rows: Sequence[Row], reference: Row, description: str) -> str:
    """Writes a Markdown table.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        description: A sentence to stand below.

    Returns:
        The text, which ends with a line break.
    """
    lines = [
        ["", *(column.title for column in COLUMNS)],
        ["---", *("---:" for _ in COLUMNS)],
        *(
            [_escape(row.name), *(_cell(column, row, reference) for column in COLUMNS)]
            for row in rows
        ),
    ]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"{text}\n\n{_escape(description)}\n"


def _cell(column: Column, row: Row, reference: Row) -> str:
    ratio = column.ratio_text(row, reference)
    return f"{column.text(row)} ({ratio})" if ratio else column.text(row)


def _escape(words: str) -> str:
    for character in "\\`*_[]<>|":
        words = words.replace(character, "\\" + character)
    return " ".join(words.split())
