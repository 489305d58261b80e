"""Labels beside the points of a plot, placed so that none hides another."""

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

# Directions from the point, in order of preference, y upwards.
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_DISTANCES = (8, 16, 28, 42, 58, 76, 96, 120)
_TIED_FROM = 16
_POINT_RADIUS = 6
_FONT_SIZE = 9


def place_labels(
    figure: Figure,
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
) -> list[Bbox]:
    """Writes a name beside each point, at the nearest free place.

    A label keeps clear of other labels, of all points and of the border. One that
    stands away from its point is tied to it by a thin line. Limits and scales of the
    axes must be set before.

    Args:
        figure: The figure.
        axes: Its axes.
        points: Points in the units of the axes.
        names: A name for each point, shown as it is.

    Returns:
        The boxes of the labels, in pixels.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    border = axes.get_window_extent(renderer)
    pixel = figure.dpi / 72
    centers = [tuple(axes.transData.transform(point).tolist()) for point in points]
    taken = [_around(x, y, _POINT_RADIUS * pixel) for x, y in centers]
    boxes = []
    for point, center, name in zip(points, centers, names, strict=True):
        label = axes.annotate(
            name,
            point,
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_FONT_SIZE,
            parse_math=False,
        )
        size = label.get_window_extent(renderer)
        label.remove()
        offset, box = _find_place(center, size, border, taken, pixel)
        line = {"arrowstyle": "-", "color": "0.55", "linewidth": 0.7, "shrinkB": 4}
        axes.annotate(
            name,
            point,
            xytext=offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_FONT_SIZE,
            parse_math=False,
            path_effects=[withStroke(linewidth=3, foreground="white")],
            arrowprops=line if _gap(box, center) > _TIED_FROM * pixel else None,
        )
        taken.append(box)
        boxes.append(box)
    return boxes


def _find_place(
    center: Sequence[float],
    size: Bbox,
    border: Bbox,
    taken: Sequence[Bbox],
    pixel: float,
) -> tuple[tuple[float, float], Bbox]:
    candidates = []
    for distance, (right, up) in itertools.product(_DISTANCES, _DIRECTIONS):
        x = right * (distance * pixel + size.width / 2)
        y = up * (distance * pixel + size.height / 2)
        box = Bbox.from_bounds(
            center[0] + x - size.width / 2,
            center[1] + y - size.height / 2,
            size.width,
            size.height,
        )
        candidates.append(((x / pixel, y / pixel), box))
    for offset, box in candidates:
        inside = Bbox.intersection(box, border)
        whole = inside is not None and bool(
            abs(inside.width - box.width) < 1 and abs(inside.height - box.height) < 1
        )
        if whole and not box.count_overlaps(taken):
            return offset, box
    return candidates[0]


def _around(x: float, y: float, radius: float) -> Bbox:
    return Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)


def _gap(box: Bbox, center: Sequence[float]) -> float:
    across = max(box.x0 - center[0], center[0] - box.x1, 0.0)
    along = max(box.y0 - center[1], center[1] - box.y1, 0.0)
    return max(across, along)
