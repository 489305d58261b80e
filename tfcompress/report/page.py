"""One page that needs no other file."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from tfcompress.report.page_style import PAGE_STYLE, TABLE_STYLE


class Section(NamedTuple):
    """A part of a page.

    Attributes:
        heading: Its heading.
        body: HTML, in which all that came from outside is escaped.
    """

    heading: str
    body: str


def write(title: str, opening: str, sections: Sequence[Section]) -> str:
    """Writes a whole page, which loads nothing from elsewhere and runs no script.

    Args:
        title: Its heading.
        opening: HTML that stands below the title.
        sections: The parts below that; those without a body are left out.

    Returns:
        The page. Title and headings are escaped.
    """
    parts = "\n".join(
        f"<section><h2>{escape(heading)}</h2>{body}</section>"
        for heading, body in sections
        if body
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none';style-src 'unsafe-inline';img-src data:">
<title>{escape(title)}</title>
<style>{TABLE_STYLE}{PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{opening}
{parts}
</main>
</body>
</html>
"""


def write_box(body: str, label: str) -> str:
    """Writes a box that scrolls by itself where its content is wider than the page.

    Args:
        body: HTML.
        label: What is in it, for who cannot see it.
    """
    return (
        '<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape(label)}">{body}</div>'
    )
