"""A figure as the content of a file, and what figures share."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from tfcompress.errors import ArgumentError

# Two colours of Okabe and Ito, which people with any colour vision tell apart.
BLUE = "#0072B2"
ORANGE = "#D55E00"

_LETTERS = 32  # What fits above a small curve, or beside a bar.
_FORMATS = {".png": "png", ".svg": "svg", ".pdf": "pdf"}


def encode(draw: Callable[[], Figure], path: str | os.PathLike[str]) -> bytes:
    """Returns the content of a file with a figure; the same figure, the same bytes.

    Args:
        draw: Draws the figure.
        path: Name of the file that it will become; its ending tells the format.

    Raises:
        ArgumentError: If the name does not end in `.png`, `.svg` or `.pdf`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise ArgumentError(
            f"Expected a file name that ends in one of {sorted(_FORMATS)}. "
            f"Received: path={os.fspath(path)!r}"
        )
    kind = _FORMATS[suffix]
    metadata = {"Software": None} if kind == "png" else {"Date": None}
    if kind == "pdf":
        metadata = {"CreationDate": None}
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "tfcompress", "svg.fonttype": "path"}):
        draw().savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()


def shorten(name: str) -> str:
    """Returns a name without its middle where it is too long for a figure."""
    if len(name) <= _LETTERS:
        return name
    half = (_LETTERS - 1) // 2
    return f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"
