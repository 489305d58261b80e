"""Which classes are taken for which, as a part of a page."""

from collections.abc import Sequence
from html import escape

import numpy as np

from tfcompress.report.page import write_box

GRID_CLASSES = 20
PAIRS = 20
_LETTERS_ABREAST = 3  # Longer names of columns stand upright.


def write_matrix(matrix: np.ndarray, classes: Sequence[str], caption: str) -> str:
    """Writes a confusion matrix for a page.

    Up to 20 classes stand as a grid of numbers, in which the colour of a field tells
    its share of the row. Of more classes, the pairs are listed that are confused most.

    Args:
        matrix: Counts, or sums of sample weights, `(classes, classes)`; a row for each
            class of the labels, a column for each class that was chosen.
        classes: What the classes are called.
        caption: Whose matrix it is.

    Returns:
        HTML; names are escaped.
    """
    if len(matrix) <= GRID_CLASSES:
        return _write_grid(matrix, classes, caption)
    return _write_pairs(matrix, classes, caption)


def find_confused(
    matrix: np.ndarray, count: int = PAIRS
) -> list[tuple[int, int, float]]:
    """Lists the pairs of classes that are confused most.

    Args:
        matrix: Counts, `(classes, classes)`, rows for labels.
        count: How many pairs at the most.

    Returns:
        Class of the label, class that was chosen, and how often; the most frequent
        first, none that never happens.

    Example:
    ```python
    find_confused(np.array([[5, 1], [3, 7]]))  # [(1, 0, 3), (0, 1, 1)]
    ```
    """
    wrong = np.array(matrix)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(int(a), int(b), wrong[a, b].item()) for a, b in pairs if wrong[a, b]]


def _write_grid(matrix: np.ndarray, classes: Sequence[str], caption: str) -> str:
    heads = "".join(
        f'<th scope="col" title="{escape(name)}"><span>{escape(name)}</span></th>'
        for name in classes
    )
    long = max(map(len, classes)) > _LETTERS_ABREAST
    lines = []
    for number, (name, counts) in enumerate(zip(classes, matrix, strict=True)):
        total = counts.sum().item() or 1
        fields = "".join(
            _field(count, count / total, right=column == number)
            for column, count in enumerate(counts.tolist())
        )
        head = f'<th scope="row" title="{escape(name)}">{escape(name)}</th>'
        lines.append(f"<tr>{head}{fields}</tr>")
    kind = "confusion upright" if long else "confusion"
    table = (
        f'<table class="{kind}"><caption>{escape(caption)}</caption>'
        f'<thead><tr><th scope="col">label</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
    return write_box(table, caption)


def _field(count: float, share: float, *, right: bool) -> str:
    if not count:
        return '<td class="none">0</td>'
    # Blue and vermilion of Okabe and Ito, never so dark that black hides on them.
    color = "0,114,178" if right else "213,94,0"
    kind = ' class="right"' if right else ""
    return (
        f'<td{kind} style="background:rgba({color},{0.1 + 0.6 * share:.2f})">'
        f"{_write(count)}</td>"
    )


def _write_pairs(matrix: np.ndarray, classes: Sequence[str], caption: str) -> str:
    totals = np.asarray(matrix).sum(axis=1)
    lines = "".join(
        f'<tr><th scope="row">{escape(classes[label])}</th>'
        f"<td>{escape(classes[chosen])}</td>"
        f'<td class="number">{_write(count)} of {_write(totals[label])}</td></tr>'
        for label, chosen, count in find_confused(matrix)
    )
    lines = lines or '<tr><td colspan="3">no sample</td></tr>'
    return (
        f'<table class="pairs"><caption>{escape(caption)}: most confused of '
        f"{len(matrix)} classes</caption>"
        '<thead><tr><th scope="col">label</th><th scope="col">taken for</th>'
        f'<th scope="col">samples</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def _write(count: float) -> str:
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:.3g}"
