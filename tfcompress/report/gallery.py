"""The samples on which two models part, as a part of a page."""

from html import escape

from tfcompress.report.changes import Change, Changes


def write_gallery(changes: Changes, samples: int, names: tuple[str, str]) -> str:
    """Writes the samples on which the reference and the shipped file part.

    Args:
        changes: The samples.
        samples: How many samples there were.
        names: Names of the two rows.

    Returns:
        HTML; what came from outside is escaped.
    """
    first, second = map(escape, names)
    shown = len(changes.shown)
    if changes.count is None:
        sentence = f"The {shown} samples on which the two are farthest apart."
    elif changes.count:
        wrong = changes.count - (changes.lost or 0) - (changes.won or 0)
        sentence = (
            f"{first} and {second} answer {changes.count:,} of {samples:,} samples "
            f"differently: {changes.lost:,} became wrong, {changes.won:,} became "
            f"right, {wrong:,} are wrong in both. If both were right equally often, "
            "so uneven a change had a probability of "
            f"{changes.p_value:.2g} (McNemar's test)."
        )
        if shown < changes.count:
            sentence += f" {shown} of them are shown."
    else:
        sentence = f"{first} and {second} give the same answer to every sample."
    if changes.output:
        sentence = f"Output {escape(changes.output)}: {sentence}"
    cards = "".join(_card(change, first, second) for change in changes.shown)
    return f"<p>{sentence}</p>" + (f'<ul class="gallery">{cards}</ul>' if cards else "")


def _card(change: Change, first: str, second: str) -> str:
    title = f"sample {change.index:,}"
    seen = (
        f'<img src="{change.picture}" alt="{title}">'
        if change.picture
        else f'<p class="words">{escape(change.words)}</p>'
    )
    said = (("label", change.label), (first, change.before), (second, change.after))
    lines = "".join(
        f"<div><dt>{who}</dt><dd>{escape(what)}</dd></div>"
        for who, what in said
        if what
    )
    return f"<li>{seen}<h3>{title}</h3><dl>{lines}</dl></li>"
