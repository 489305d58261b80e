"""Sensitivity as a picture: a small curve for each part."""

import math
import os
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfcompress.report.figure_file import BLUE, ORANGE, encode, shorten


def draw(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    metric: str,
    path: str | os.PathLike[str],
    *,
    columns: int = 4,
    size: tuple[float, float] = (2.1, 1.6),
) -> bytes:
    """Draws one small curve for each part, all on the same axes.

    It draws on a figure of its own, so the user's matplotlib backend and figures stay
    as they are.

    Args:
        curves: For each part the ratios, from 0, and what was measured.
        metric: What was measured.
        path: Name of the file that it will become; its ending tells the format.
        columns: Curves side by side.
        size: Width and height of a curve in inches.

    Returns:
        The content of the file. The same curves give the same bytes.

    Raises:
        ArgumentError: If the name does not end in `.png`, `.svg` or `.pdf`.
    """
    return encode(lambda: _draw(curves, metric, columns, size), path)


def _draw(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    metric: str,
    columns: int,
    size: tuple[float, float],
) -> Figure:
    columns = min(columns, len(curves))
    lines = math.ceil(len(curves) / columns)
    whole = (1.0 + size[0] * columns, 0.6 + size[1] * lines)
    figure = Figure(figsize=whole, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, points) in zip(places.flat, curves.items(), strict=False):
        ratios, qualities = zip(*points, strict=True)
        axes.axhline(qualities[0], color=ORANGE, linewidth=1.0, linestyle="--")
        axes.plot(ratios, qualities, color=BLUE, marker="o", markersize=4)
        axes.set_title(shorten(name), fontsize=7, parse_math=False)
        axes.tick_params(labelsize=7)
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in places.flat[len(curves) :]:
        axes.set_axis_off()
    figure.supxlabel("share that is pruned", fontsize=8)
    figure.supylabel(metric, fontsize=8, parse_math=False)
    return figure
