"""What files cost against how good they are, as a picture."""

import dataclasses
import os
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tfcompress.report.columns import is_share, title_of
from tfcompress.report.figure_file import BLUE, ORANGE, encode, shorten
from tfcompress.report.plot_labels import place_labels

_GREY = "#767676"


@dataclasses.dataclass(frozen=True)
class Point:
    """One row in the picture.

    Attributes:
        name: What stands beside it.
        cost: Bytes, or milliseconds.
        quality: What the metric gave.
        on_front: Whether no other row beats it in both.
        is_reference: Whether the others are compared with it.
    """

    name: str
    cost: float
    quality: float
    on_front: bool
    is_reference: bool


def draw(
    points: Sequence[Point],
    metric: str,
    cost: str,
    path: str | os.PathLike[str],
    *,
    size: tuple[float, float] = (5.4, 4.0),
) -> bytes:
    """Draws what each file costs against its quality, and the Pareto front.

    Points on the front are filled and joined by steps, the others are hollow; the
    reference is a square. It draws on a figure of its own, so the user's matplotlib
    backend and figures stay as they are.

    Args:
        points: The points.
        metric: What quality is.
        cost: `"bytes"` or `"latency_ms"`.
        path: Name of the file that it will become; its ending tells the format.
        size: Width and height in inches.

    Returns:
        The content of the file. The same points give the same bytes.

    Raises:
        ArgumentError: If the name does not end in `.png`, `.svg` or `.pdf`.
    """
    return encode(lambda: _draw(points, metric, cost, size), path)


def _draw(
    points: Sequence[Point], metric: str, cost: str, size: tuple[float, float]
) -> Figure:
    figure = Figure(figsize=size, dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    scale = 100.0 if is_share(metric) else 1.0
    places = [(point.cost, scale * point.quality) for point in points]
    front = sorted(
        place for point, place in zip(points, places, strict=True) if point.on_front
    )
    axes.plot(
        *zip(*front, strict=True),
        color=BLUE,
        linewidth=1.2,
        drawstyle="steps-post",
        zorder=1,
    )
    for point, place in zip(points, places, strict=True):
        color = ORANGE if point.is_reference else BLUE if point.on_front else _GREY
        axes.plot(
            *place,
            marker="s" if point.is_reference else "o",
            color=color,
            markerfacecolor=color if point.on_front else "white",
            markeredgewidth=1.5,
            markersize=8,
            linestyle="none",
        )
    _set_costs(axes, [point.cost for point in points], cost)
    _set_qualities(axes, [quality for _, quality in places], metric)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    place_labels(figure, axes, places, [shorten(point.name) for point in points])
    return figure


def _set_costs(axes: Axes, costs: Sequence[float], cost: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 2.2, max(costs) * 2.2)
    axes.xaxis.set_major_locator(LogLocator(subs=_tick_steps(max(costs) / min(costs))))
    title, write = _COSTS[cost]
    axes.xaxis.set_major_formatter(FuncFormatter(write))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"{title} (logarithmic)")


def _set_qualities(axes: Axes, qualities: Sequence[float], metric: str) -> None:
    low, high = min(qualities), max(qualities)
    if is_share(metric):
        span = max(high - low, 1.0)
        top = min(high + 0.3 * span, 100.0 + 0.1 * span)
        axes.set_ylabel(f"{title_of(metric)}, %", parse_math=False)
    else:
        span = max(high - low, 0.02 * max(abs(low), abs(high)), 1e-9)
        top = high + 0.3 * span
        axes.set_ylabel(title_of(metric), parse_math=False)
    axes.set_ylim(low - 0.3 * span, top)


def _tick_steps(ratio: float) -> tuple[float, ...]:
    if ratio < 30:
        return (1.0, 2.0, 5.0)
    return (1.0, 3.0) if ratio < 3000 else (1.0,)


def _format_bytes(count: float, _: int | None = None) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return f"{count:g} B"


def _format_time(milliseconds: float, _: int | None = None) -> str:
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:g} s"
    if milliseconds >= 1:
        return f"{milliseconds:g} ms"
    return f"{1000 * milliseconds:g} \N{MICRO SIGN}s"


_COSTS: dict[str, tuple[str, Callable[[float, int | None], str]]] = {
    "bytes": ("size of the .tflite file", _format_bytes),
    "latency_ms": ("time of one run", _format_time),
}
