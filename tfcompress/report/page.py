"""A comparison as HTML: a table for notebooks, and a whole page."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from tfcompress.report.columns import COLUMNS, describe_ratio, format_percent
from tfcompress.report.picture import draw
from tfcompress.report.row import Row

_STYLE = """
.tfcompress{border-collapse:collapse;font-variant-numeric:tabular-nums}
.tfcompress th,.tfcompress td{padding:.45em .7em;text-align:right;vertical-align:top;
border-bottom:1px solid #d9d9d9}
.tfcompress tbody th{text-align:left;overflow-wrap:anywhere}
.tfcompress small{display:block;color:#555;white-space:nowrap}
.tfcompress .number{white-space:nowrap}
"""

_PAGE_STYLE = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:76rem;background:#fff;
color:#1a1a1a;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
.gain{font-size:1.1rem;margin:0 0 1.5rem;overflow-wrap:anywhere}
.tfcompress{width:100%;font-size:.9rem}
.tfcompress tr.reference{background:#f4f4f4}
figure{margin:0;max-width:44rem}
svg{width:100%;height:auto;display:block}
dt{font-weight:600;overflow-wrap:anywhere}
dd{margin:0 0 .75rem;overflow-wrap:anywhere;white-space:pre-line}
.small{font-size:.85rem;color:#444;overflow-wrap:anywhere}
@media (max-width:60rem){
.tfcompress thead{position:absolute;width:1px;height:1px;overflow:hidden;
clip-path:inset(50%)}
.tfcompress,.tfcompress tbody,.tfcompress tr,.tfcompress tbody th{display:block}
.tfcompress tr{border:1px solid #d9d9d9;border-radius:.4rem;margin:0 0 .75rem;
padding:.4rem .2rem}
.tfcompress tbody th,.tfcompress td{border:0;padding:.15rem .7rem}
.tfcompress tbody th{font-size:1rem}
.tfcompress td{display:flex;justify-content:space-between;gap:1rem}
.tfcompress td::before{content:attr(data-title);color:#555;text-align:left}
}
"""


def write_table(rows: Sequence[Row], reference: Row, description: str) -> str:
    """Writes a table for a notebook.

    Args:
        rows: The rows.
        reference: The row that ratios refer to.
        description: A sentence to stand below.

    Returns:
        HTML without scripts; names are escaped.
    """
    return (
        f"<style>{_STYLE}</style>{_table(rows, reference)}<p>{escape(description)}</p>"
    )


def write(
    rows: Sequence[Row],
    reference: Row,
    *,
    title: str,
    description: str,
    notes: Mapping[str, str],
    versions: Mapping[str, str],
) -> str:
    """Writes a whole page, which loads nothing from elsewhere.

    Args:
        rows: The rows; the last is what ships, and the heading says what it gains.
        reference: The row that ratios refer to.
        title: Heading.
        description: What was measured, and on what.
        notes: How rows were made, by name.
        versions: Versions of packages, by name.

    Returns:
        The page. Names, notes and title are escaped.
    """
    made = "".join(
        f"<dt>{escape(row.name)}</dt><dd>{escape(notes[row.name])}</dd>"
        for row in rows
        if row.name in notes
    )
    how = f"<h2>How each row was made</h2><dl>{made}</dl>" if made else ""
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none';style-src 'unsafe-inline';img-src data:">
<title>{escape(title)}</title>
<style>{_STYLE}{_PAGE_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{_gain(rows[-1], reference)}
{_table(rows, reference)}
<h2>Size and accuracy</h2>
<figure>{_picture(rows, reference.name)}</figure>
{how}
<h2>How it was measured</h2>
<p class="small">{escape(description)}</p>
<p class="small">{escape(listed)}</p>
</body>
</html>
"""


def _gain(shipped: Row, reference: Row) -> str:
    if shipped.name == reference.name:
        return ""
    smaller = describe_ratio(
        shipped.bytes, reference.bytes, less="smaller", more="larger"
    )
    faster = describe_ratio(
        shipped.latency_ms, reference.latency_ms, less="faster", more="slower"
    )
    words = (
        f"{shipped.name} against {reference.name}: file {smaller}, run {faster}, "
        f"accuracy {format_percent(shipped.accuracy)} against "
        f"{format_percent(reference.accuracy)}"
    )
    return f'<p class="gain">{escape(words)}</p>'


def _table(rows: Sequence[Row], reference: Row) -> str:
    titles = "".join(f'<th scope="col">{column.title}</th>' for column in COLUMNS)
    body = "".join(_line(row, reference) for row in rows)
    return (
        f'<table class="tfcompress"><thead><tr><td></td>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _line(row: Row, reference: Row) -> str:
    cells = []
    for column in COLUMNS:
        ratio = column.ratio_text(row, reference)
        ratio = f"<small>{ratio}</small>" if ratio else ""
        cells.append(
            f'<td data-title="{column.title}"><span class="number">{column.text(row)}'
            f"{ratio}</span></td>"
        )
    kind = ' class="reference"' if row.name == reference.name else ""
    name = f'<th scope="row">{escape(row.name)}</th>'
    return f"<tr{kind}>{name}{''.join(cells)}</tr>"


def _picture(rows: Sequence[Row], reference: str) -> str:
    svg = draw(rows, reference, "picture.svg").decode("utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    label = 'role="img" aria-label="Size of each file against its accuracy"'
    return svg.replace("<svg", f"<svg {label}", 1)
