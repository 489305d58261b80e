"""What rows cost against how good they are, and which of them others beat."""

import re
from collections.abc import Sequence
from html import escape

from tfcompress.report.columns import format_metric, format_milliseconds, title_of
from tfcompress.report.pareto import find_dominating
from tfcompress.report.picture import Point, draw
from tfcompress.report.row import Row

# Narrow, so that its letters are large enough on a phone.
_SIZE = (3.8, 3.2)
_WORDS = {"bytes": "size", "latency_ms": "latency"}


def find_better(
    rows: Sequence[Row], cost: str, metric: str, *, lower: bool
) -> list[Row | None]:
    """Finds for each row one that costs no more and is no worse, if there is any.

    Args:
        rows: The rows.
        cost: `"bytes"` or `"latency_ms"`.
        metric: Which metric is quality.
        lower: Whether less of the metric is better.

    Returns:
        The better row, or None for a row on the Pareto front.
    """
    sign = -1.0 if lower else 1.0
    found = find_dominating(
        [getattr(row, cost) for row in rows],
        [sign * row.quality[metric] for row in rows],
    )
    return [None if index is None else rows[index] for index in found]


def make_points(
    rows: Sequence[Row], reference: str, cost: str, metric: str, *, lower: bool
) -> list[Point]:
    """Makes the points of a picture.

    Args:
        rows: The rows.
        reference: Name of the reference.
        cost: As in `find_better`.
        metric: As in `find_better`.
        lower: As in `find_better`.

    Returns:
        A point for each row, with its name.
    """
    better = find_better(rows, cost, metric, lower=lower)
    return [
        Point(
            name=row.name,
            cost=float(getattr(row, cost)),
            quality=row.quality[metric],
            on_front=other is None,
            is_reference=row.name == reference,
        )
        for row, other in zip(rows, better, strict=True)
    ]


def write_tradeoff(
    rows: Sequence[Row], reference: str, cost: str, metric: str, *, lower: bool
) -> str:
    """Writes a picture with numbered points, and a list that names them.

    Args:
        rows: The rows.
        reference: Name of the reference.
        cost: As in `find_better`.
        metric: As in `find_better`.
        lower: As in `find_better`.

    Returns:
        HTML; names are escaped.
    """
    points = make_points(rows, reference, cost, metric, lower=lower)
    numbered = [
        Point(str(number), p.cost, p.quality, p.on_front, p.is_reference)
        for number, p in enumerate(points, 1)
    ]
    title = f"{_WORDS[cost].capitalize()} and {title_of(metric)}"
    picture = draw(numbered, metric, cost, "picture.svg", size=_SIZE)
    better = find_better(rows, cost, metric, lower=lower)
    lines = "".join(
        f"<li>{escape(_line(row, other, cost, metric))}</li>"
        for row, other in zip(rows, better, strict=True)
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f"{embed(picture, f'{title} of each row, as listed below')}"
        f'<ol class="points">{lines}</ol></figure>'
    )


def embed(svg: bytes, label: str) -> str:
    """Returns a picture as a part of a page, with words for who cannot see it.

    Args:
        svg: Content of an `.svg` file.
        label: What the picture shows.
    """
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    named = f'<svg role="img" aria-label="{escape(label)}"'
    return text.replace("<svg", named, 1)


def _line(row: Row, other: Row | None, cost: str, metric: str) -> str:
    costs = f"{row.bytes:,} bytes"
    if cost == "latency_ms":
        costs = format_milliseconds(row.latency_ms)
    place = f"beaten by {other.name}" if other else "on the Pareto front"
    return f"{row.name}: {costs}, {format_metric(metric, row.quality[metric])}, {place}"
