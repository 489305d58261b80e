"""Size against accuracy, as a picture."""

import os
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tfcompress.report.figure_file import BLUE, ORANGE, encode
from tfcompress.report.labels import place_labels
from tfcompress.report.row import Row


def draw(rows: Sequence[Row], reference: str, path: str | os.PathLike[str]) -> bytes:
    """Draws the size of each row's file against its accuracy.

    It draws on a figure of its own, so the user's matplotlib backend and figures stay
    as they are.

    Args:
        rows: The rows.
        reference: Name of the reference row, which is drawn as a square.
        path: Name of the file that it will become; its ending tells the format.

    Returns:
        The content of the file. The same rows give the same bytes.

    Raises:
        ArgumentError: If the name does not end in `.png`, `.svg` or `.pdf`.
    """
    return encode(lambda: _draw(rows, reference), path)


def _draw(rows: Sequence[Row], reference: str) -> Figure:
    figure = Figure(figsize=(5.4, 4.0), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = [(float(row.bytes), 100.0 * row.accuracy) for row in rows]
    for row, point in zip(rows, points, strict=True):
        is_reference = row.name == reference
        axes.plot(
            *point,
            marker="s" if is_reference else "o",
            color=ORANGE if is_reference else BLUE,
            markersize=8,
            linestyle="none",
        )
    _set_axes(axes, points)
    place_labels(figure, axes, points, [row.name for row in rows])
    return figure


def _set_axes(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    sizes, accuracies = zip(*points, strict=True)
    axes.set_xscale("log")
    axes.set_xlim(min(sizes) / 2.2, max(sizes) * 2.2)
    span = max(max(accuracies) - min(accuracies), 1.0)
    top = min(max(accuracies) + 0.3 * span, 100.0 + 0.1 * span)
    axes.set_ylim(min(accuracies) - 0.3 * span, top)
    axes.xaxis.set_major_locator(LogLocator(subs=_tick_steps(max(sizes) / min(sizes))))
    axes.xaxis.set_major_formatter(FuncFormatter(_format_bytes))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("size of the .tflite file (logarithmic)")
    axes.set_ylabel("accuracy, %")
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _tick_steps(ratio: float) -> tuple[float, ...]:
    if ratio < 30:
        return (1.0, 2.0, 5.0)
    return (1.0, 3.0) if ratio < 3000 else (1.0,)


def _format_bytes(count: float, _: int | None = None) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return f"{count:g} B"
