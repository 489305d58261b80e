"""Flags that several commands take, and the types of their values."""

import argparse
from collections.abc import Callable
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import check_value, describe_hint


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`: nothing but JSON goes to standard output."""
    parser.add_argument(
        "--json", action="store_true", help="write JSON instead of a table"
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Adds `--quiet`: no progress."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Adds `--overwrite`: a file that is there may be replaced."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that are there"
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Adds `--trust`: a file of Keras may run the code that it holds."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="let a Keras file run the code of its Lambda layers",
    )


def number(hint: Any) -> Callable[[str], Any]:
    """Returns the type of a flag that takes a number.

    Args:
        hint: `int`, `float`, or one of the annotations of `pipeline.fields`, such as
            `Count`, which says the range too.

    Example:
    ```python
    from tfcompress.cli.options import number
    from tfcompress.pipeline.fields import Count

    assert number(Count)("3") == 3
    ```
    """

    def read(text: str) -> Any:
        value: Any = text
        for kind in (int, float):
            try:
                value = kind(text.replace("_", "?"))  # Not 1_000, as in Python.
                break
            except ValueError:
                continue
        try:
            return check_value(value, hint, "it")
        except ArgumentError:
            raise argparse.ArgumentTypeError(
                f"must be {describe_hint(hint)}. Received: {text!r}"
            ) from None

    return read


def names(text: str) -> tuple[str, ...]:
    """Reads names with commas between them; the type of a flag."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(
            f"must be names with commas between them. Received: {text!r}"
        )
    return found
