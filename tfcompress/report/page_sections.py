"""The parts of a page about a comparison."""

from collections.abc import Mapping, Sequence
from html import escape

from tfcompress.report.columns import describe_ratio, format_metric, title_of
from tfcompress.report.confusion import write_matrix
from tfcompress.report.details import Details
from tfcompress.report.gallery import write_gallery
from tfcompress.report.layer_bars import write_bars
from tfcompress.report.row import Row
from tfcompress.report.sensitivity_curves import SensitivityCurves
from tfcompress.report.sensitivity_picture import draw as draw_curves
from tfcompress.report.tradeoff import embed, write_tradeoff

CURVES = 24
_CLASSES_ABREAST = 12
# Few and narrow, so that their letters are large enough on a phone.
_CURVES_ABREAST = 2
_CURVE_SIZE = (1.35, 1.2)


def write_gain(shipped: Row, reference: Row) -> str:
    """Says in a sentence what the last row gains, and what it costs.

    Args:
        shipped: The row of what ships.
        reference: The row to compare with.

    Returns:
        HTML, empty where the two are one row; names are escaped.
    """
    if shipped.name == reference.name:
        return ""
    smaller = describe_ratio(
        shipped.bytes, reference.bytes, less="smaller", more="larger"
    )
    faster = describe_ratio(
        shipped.latency_ms, reference.latency_ms, less="faster", more="slower"
    )
    metric = next(iter(shipped.quality))
    words = (
        f"{shipped.name} against {reference.name}: file {smaller}, run {faster}, "
        f"{title_of(metric)} {format_metric(metric, shipped.quality[metric])} against "
        f"{format_metric(metric, reference.quality[metric])}"
    )
    return f'<p class="gain">{escape(words)}</p>'


def write_tradeoffs(rows: Sequence[Row], reference: str, *, lower: bool) -> str:
    """Writes what rows cost against how good they are, by size and by latency.

    Args:
        rows: The rows.
        reference: Name of the reference.
        lower: Whether less of the first metric is better.

    Returns:
        HTML; names are escaped.
    """
    metric = next(iter(rows[0].quality))
    figures = "".join(
        write_tradeoff(rows, reference, cost, metric, lower=lower)
        for cost in ("bytes", "latency_ms")
    )
    return (
        '<p class="small">Filled points are on the Pareto front: no other row costs '
        "less and is as good. The square is the reference.</p>"
        f'<div class="columns">{figures}</div>'
    )


def write_layers(details: Details) -> str:
    """Writes the bars of the layers, where two files were inspected."""
    if len(details.layers) < 2:
        return ""
    (first, before), (second, after) = details.layers.items()
    return write_bars(before, after, (first, second))


def write_confusion(details: Details) -> str:
    """Writes the confusion matrices, side by side where they are small."""
    matrices = details.confusion_matrices
    parts = "".join(
        f"<div>{write_matrix(matrix, details.classes[: matrix.shape[0]], name)}</div>"
        for name, matrix in matrices.items()
    )
    abreast = all(matrix.shape[0] <= _CLASSES_ABREAST for matrix in matrices.values())
    return f'<div class="columns">{parts}</div>' if parts and abreast else parts


def write_changes(details: Details, samples: int, names: tuple[str, str]) -> str:
    """Writes the samples on which the two rows part."""
    if details.changes is None:
        return ""
    return write_gallery(details.changes, samples, names)


def write_sensitivity(curves: SensitivityCurves | None) -> str:
    """Writes the curves of the parts that lose most, 24 at the most."""
    if curves is None:
        return ""
    shown = curves.worst(CURVES)
    note = ""
    if len(shown.points) < len(curves.points):
        note = f" The {len(shown.points)} of {len(curves.points)} that lose most."
    svg = draw_curves(
        shown.points,
        shown.metric,
        "curves.svg",
        columns=_CURVES_ABREAST,
        size=_CURVE_SIZE,
    )
    label = f"{shown.metric} over the share pruned, of {', '.join(shown.points)}"
    return (
        f'<p class="small">Each part pruned alone: {escape(shown.metric)} over the '
        f"share that is pruned; dashed is the whole model.{note}</p>"
        f'<figure class="curves">{embed(svg, label)}</figure>'
    )


def write_making(rows: Sequence[Row], notes: Mapping[str, str]) -> str:
    """Writes how each row was made: the user's note, then what the file tells."""
    made = "".join(
        f"<dt>{escape(row.name)}</dt>"
        + (f"<dd>{escape(notes[row.name])}</dd>" if row.name in notes else "")
        + (f'<dd class="small">{escape(row.made)}</dd>' if row.made else "")
        for row in rows
        if row.name in notes or row.made
    )
    return f'<dl class="making">{made}</dl>' if made else ""


def write_measurement(description: str, versions: Mapping[str, str]) -> str:
    """Writes what was measured, on what, and with which packages."""
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    return "".join(
        f'<p class="small">{escape(words)}</p>' for words in (description, listed)
    )
