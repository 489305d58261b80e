"""Sensitivity as a picture: a small curve for each part."""

import math
import os
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfcompress.report.figure_file import encode

# Two colours of Okabe and Ito, which people with any colour vision tell apart.
_BLUE = "#0072B2"
_ORANGE = "#D55E00"

_COLUMNS = 4
_LETTERS = 32  # What fits above one curve.


def draw(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    metric: str,
    path: str | os.PathLike[str],
) -> bytes:
    """Draws one small curve for each part, all on the same axes.

    It draws on a figure of its own, so the user's matplotlib backend and figures stay
    as they are.

    Args:
        curves: For each part the ratios, from 0, and what was measured.
        metric: What was measured.
        path: Name of the file that it will become; its ending tells the format.

    Returns:
        The content of the file. The same curves give the same bytes.

    Raises:
        ArgumentError: If the name does not end in `.png`, `.svg` or `.pdf`.
    """
    return encode(lambda: _draw(curves, metric), path)


def _draw(curves: Mapping[str, Sequence[tuple[float, float]]], metric: str) -> Figure:
    columns = min(_COLUMNS, len(curves))
    lines = math.ceil(len(curves) / columns)
    size = (1.0 + 2.1 * columns, 0.6 + 1.6 * lines)
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, points) in zip(places.flat, curves.items(), strict=False):
        ratios, qualities = zip(*points, strict=True)
        axes.axhline(qualities[0], color=_ORANGE, linewidth=1.0, linestyle="--")
        axes.plot(ratios, qualities, color=_BLUE, marker="o", markersize=4)
        axes.set_title(_shortened(name), fontsize=7, parse_math=False)
        axes.tick_params(labelsize=7)
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in places.flat[len(curves) :]:
        axes.set_axis_off()
    figure.supxlabel("share that is pruned", fontsize=8)
    figure.supylabel(metric, fontsize=8, parse_math=False)
    return figure


def _shortened(name: str) -> str:
    """Returns a name without its middle where it is too long."""
    if len(name) <= _LETTERS:
        return name
    half = (_LETTERS - 1) // 2
    return f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"
