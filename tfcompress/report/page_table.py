"""The table of a comparison as HTML."""

from collections.abc import Sequence
from html import escape

from tfcompress.report.columns import Column, columns_of
from tfcompress.report.page_style import TABLE_STYLE
from tfcompress.report.row import Row


def write_table(rows: Sequence[Row], reference: Row) -> str:
    """Writes the table, for a page with a style of its own.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.

    Returns:
        HTML; names are escaped.
    """
    columns = columns_of(rows)
    titles = "".join(f'<th scope="col">{escape(c.title)}</th>' for c in columns)
    body = "".join(_line(row, reference, columns) for row in rows)
    return (
        f'<table class="tfcompress cards"><thead><tr><td></td>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def write_notebook_table(rows: Sequence[Row], reference: Row, description: str) -> str:
    """Writes the table for a notebook.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        description: A sentence to stand below.

    Returns:
        HTML without scripts; names are escaped.
    """
    return (
        f"<style>{TABLE_STYLE}</style>{write_table(rows, reference)}"
        f"<p>{escape(description)}</p>"
    )


def _line(row: Row, reference: Row, columns: Sequence[Column]) -> str:
    cells = []
    for column in columns:
        note = column.note(row, reference)
        note = f"<small>{escape(note)}</small>" if note else ""
        cells.append(
            f'<td data-title="{escape(column.title)}"><span class="number">'
            f"{escape(column.text(row))}{note}</span></td>"
        )
    kind = ' class="reference"' if row.name == reference.name else ""
    name = f'<th scope="row">{escape(row.name)}</th>'
    return f"<tr{kind}>{name}{''.join(cells)}</tr>"
