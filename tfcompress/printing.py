"""Tables as plain text, and in Markdown."""

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console

_WIDE = 250


def to_text(table: Any, description: str) -> str:
    """Returns what `print` shows of a result: its table, and what stands below it.

    Args:
        table: What rich can print.
        description: What the table says, in words.
    """
    console = Console(
        file=io.StringIO(), width=_WIDE, color_system=None, force_jupyter=False
    )
    with console.capture() as capture:
        console.print(table)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join([*lines, description])


def to_markdown(
    titles: Sequence[str], rows: Sequence[Sequence[str]], description: str
) -> str:
    """Writes a Markdown table: names on the left, numbers to the right of them.

    Args:
        titles: What stands above the columns.
        rows: The cells of each row; the first is its name.
        description: A sentence to stand below.

    Returns:
        The text, which ends with a line break.
    """
    lines = [
        titles,
        ["---", *("---:" for _ in titles[1:])],
        *([escape_markdown(name), *cells] for name, *cells in rows),
    ]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"{text}\n\n{escape_markdown(description)}\n"


def three_digits(value: float) -> str:
    """Writes a number of 0 or more with three significant digits, such as `"0.0123"`.

    From 100 on it is a whole number, such as `"12,345"`.
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".removesuffix(".")


def escape_markdown(words: str) -> str:
    """Returns words that Markdown shows as they stand, on one line."""
    for character in "\\`*_[]<>|":
        words = words.replace(character, "\\" + character)
    return " ".join(words.split())
