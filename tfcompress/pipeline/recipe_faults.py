"""What is wrong with a recipe, and where."""

import dataclasses
from typing import Any

from tfcompress.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong with a recipe, and where.

    Attributes:
        line: Counted from 1.
        column: Counted from 1.
        message: What was expected, and what came.
    """

    line: int
    column: int
    message: str

    def of(self, source: str) -> str:
        """Returns the fault in one line.

        Args:
            source: Name of the file; empty for text that was never in one.
        """
        place = f"line {self.line}, column {self.column}"
        words = " ".join(self.message.split())
        return f"{source}, {place}: {words}" if source else f"{place}: {words}"


class RecipeError(ArgumentError):
    """A recipe cannot be read.

    Attributes:
        faults: All that is wrong with it, in one line each.
    """

    def __init__(self, faults: list[str]):
        more = len(faults) - 1
        super().__init__(faults[0] + (f" (and {more} more)" if more else ""))
        self.faults = tuple(faults)


class FaultFound(Exception):
    """Ends the reading of a part of a recipe.

    Attributes:
        fault: What is wrong with it.
    """

    def __init__(self, mark: Any, message: str):
        super().__init__(message)
        self.fault = Fault(mark.line + 1, mark.column + 1, message)
