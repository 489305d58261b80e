"""What was measured or chosen, as an object that shows itself."""

import abc
import dataclasses
import json
import math
import os
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.jupyter import JupyterMixin
from rich.text import Text

from tfcompress.files import write_atomically
from tfcompress.printing import to_text


class Result(JupyterMixin, abc.ABC):
    """A dataclass of numbers that shows itself as a table, and becomes JSON.

    With `print`, with rich and in a notebook it shows its table and the words of
    `describe` below. Subclasses make both.
    """

    @abc.abstractmethod
    def describe(self) -> str:
        """Says in a sentence or two what the numbers are of."""

    @abc.abstractmethod
    def _table(self) -> Any:
        """Returns the table, for rich."""

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data; those that are not finite are None."""
        return _finite(dataclasses.asdict(self))  # type: ignore[call-overload]

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns what `to_dict` gives as JSON, and writes it to a file if asked.

        Args:
            path: Where to write, or None.

        Returns:
            The text. A number that is not finite is null.

        Raises:
            OutputError: If the file cannot be written.
        """
        values = _finite(self.to_dict())
        text = json.dumps(values, indent=2, ensure_ascii=False, default=str) + "\n"
        if path is not None:
            write_atomically(path, text)
        return text

    def __str__(self) -> str:
        return to_text(self._table(), self.describe())

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        yield self._table()
        yield Text(self.describe())


def _finite(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _finite(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values
