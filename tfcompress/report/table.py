"""A comparison as a table: on a terminal, and in Markdown."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tfcompress import printing
from tfcompress.report.columns import Column, columns_of
from tfcompress.report.row import Row

_UNLIMITED = 10_000
_LONGEST_WORD = 12


def to_rich(
    rows: Sequence[Row],
    reference: Row,
    columns: Sequence[Column] | None = None,
    *,
    compact: bool = False,
) -> Table:
    """Builds a table for the terminal.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        columns: Which columns to show. Defaults to all.
        compact: Whether columns stand as near to each other as can be read.

    Returns:
        A rich table; numbers keep to their line, what is noted stands below.
    """
    columns = columns_of(rows) if columns is None else columns
    space = 0 if compact else 1
    result = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, space, 0, 0),
        pad_edge=False,
        show_edge=not compact,
    )
    words = [len(word) for row in rows for word in row.name.split()]
    width = min(max(words, default=0), _LONGEST_WORD)
    result.add_column("", min_width=width, overflow="fold")
    cells = []
    for column in columns:
        title = column.title.replace(" ", "\n")
        texts = [
            f"{column.text(row)}\n{column.note(row, reference)}".strip() for row in rows
        ]
        width = max(len(line) for text in [title, *texts] for line in text.split("\n"))
        result.add_column(title, justify="right", no_wrap=True, min_width=width)
        cells.append(texts)
    for row, *numbers in zip(rows, *cells, strict=True):
        result.add_row(as_text(row.name), *map(as_text, numbers))
    return result


def fit(
    rows: Sequence[Row],
    reference: Row,
    console: Console,
    options: ConsoleOptions,
    columns: Sequence[Column] | None = None,
) -> Iterator[Table | Text]:
    """Gives one table if it fits the terminal, else one for each half of the columns.

    A table that does not fit is made compact first. The first half is quality, the
    second cost; very narrow terminals get more.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        console: The console that will print.
        options: Its options, which hold the width.
        columns: Which columns to show. Defaults to all.

    Yields:
        Tables, to be printed one below the other, and empty lines.
    """
    columns = columns_of(rows) if columns is None else columns
    unlimited = options.update_width(_UNLIMITED)
    for compact in (False, True):
        whole = to_rich(rows, reference, columns, compact=compact)
        needed = Measurement.get(console, unlimited, whole).minimum
        if needed <= options.max_width:
            yield whole
            if compact:
                yield as_text("")
            return
    if len(columns) == 1:
        yield whole
        return
    half = _first_half(columns)
    for part in (columns[:half], columns[half:]):
        yield from fit(rows, reference, console, options, part)


def _first_half(columns: Sequence[Column]) -> int:
    """Returns how many columns are of quality, or half of them if all are alike."""
    quality = sum(column.is_quality for column in columns)
    return quality if 0 < quality < len(columns) else len(columns) // 2


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
    columns = columns_of(rows)
    titles = ["", *(column.title for column in columns)]
    cells = [
        [row.name, *(_cell(column, row, reference) for column in columns)]
        for row in rows
    ]
    return printing.to_markdown(titles, cells, description)


def _cell(column: Column, row: Row, reference: Row) -> str:
    note = column.note(row, reference)
    return f"{column.text(row)} ({note})" if note else column.text(row)
