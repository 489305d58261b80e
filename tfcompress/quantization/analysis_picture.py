"""What each layer loses, as a picture: bars, those that hurt first on top."""

import math
import os
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfcompress.report.figure_file import BLUE, ORANGE, encode, shorten


def draw(
    ratios: Mapping[str, tuple[float, float]],
    losses: Sequence[float] | None,
    metric: str | None,
    path: str | os.PathLike[str],
) -> bytes:
    """Draws a bar for the loss of each layer, and points for its ratios.

    It draws on a figure of its own, so the user's matplotlib backend and figures stay
    as they are.

    Args:
        ratios: For each layer the ratio of signal to noise in decibels with its
            weights, and with its activations rounded.
        losses: The loss of each layer, or None.
        metric: What is lost, or None.
        path: Name of the file that it will become; its ending tells the format.

    Returns:
        The content of the file. The same numbers give the same bytes.

    Raises:
        ArgumentError: If the name does not end in `.png`, `.svg` or `.pdf`.
    """
    return encode(lambda: _draw(ratios, losses, metric), path)


def _draw(
    ratios: Mapping[str, tuple[float, float]],
    losses: Sequence[float] | None,
    metric: str | None,
) -> Figure:
    columns = 1 if losses is None else 2
    size = (2.2 + 2.8 * columns, 1.1 + 0.2 * len(ratios))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    places = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    lines = range(len(ratios))
    if losses is not None:
        places[0].barh(lines, losses, color=BLUE, height=0.7)
        places[0].axvline(0.0, color="0.4", linewidth=0.8)
        _set_axes(places[0], f"loss of {metric}")
    _draw_ratios(places[-1], list(ratios.values()))
    names = [shorten(name) for name in ratios]
    places[0].set_yticks(lines, names, fontsize=7, parse_math=False)
    places[0].set_ylim(len(ratios) - 0.5, -0.5)
    return figure


def _draw_ratios(axes: Axes, ratios: Sequence[tuple[float, float]]) -> None:
    weights, activations = zip(*ratios, strict=True)
    for values, marker, color, label in (
        (weights, "o", BLUE, "weights"),
        (activations, "s", ORANGE, "activations"),
    ):
        points = [(v, n) for n, v in enumerate(values) if math.isfinite(v)]
        axes.plot(
            [value for value, _ in points],
            [line for _, line in points],
            marker=marker,
            color=color,
            markersize=4,
            linestyle="none",
            label=label,
        )
    axes.legend(fontsize=7, loc="best")
    _set_axes(axes, "SQNR, dB")


def _set_axes(axes: Axes, title: str) -> None:
    axes.set_xlabel(title, fontsize=8, parse_math=False)
    axes.tick_params(labelsize=7)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
