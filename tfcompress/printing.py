"""Tables as plain text."""

import io
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
