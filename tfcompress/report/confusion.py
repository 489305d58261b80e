"""Which classes are taken for which, as a part of a page."""

from collections.abc import Sequence
from html import escape

import numpy as np
from scipy import sparse

from tfcompress.measurement.quality.prediction import Predictions
from tfcompress.report.page import write_box

GRID_CLASSES = 20
PAIRS = 20
_LETTERS_ABREAST = 3  # Longer names of columns stand upright.


def count_pairs(predictions: Predictions) -> sparse.csr_array:
    """Counts how often samples of each class are given each class.

    Only pairs that occur take memory, so tens of thousands of classes do no harm.

    Args:
        predictions: Predictions with one class for each label.

    Returns:
        A sparse array of shape `(classes, classes)`, a row for each class in the labels
        and a column for each chosen class; int64, or float64 if there are sample
        weights.

    Example:
    ```python
    predictions = tfc.measurement.predict(model, (images, labels))
    count_pairs(predictions)[3, 5]  # how many threes are taken for fives
    ```
    """
    labels, chosen = np.asarray(predictions.labels).ravel(), predictions.classes.ravel()
    weights = np.ones(labels.size, np.int64)
    if predictions.weights is not None:
        weights = predictions.label_weights.ravel()
    shape = (predictions.width, predictions.width)
    pairs = sparse.csr_array((weights, (labels, chosen)), shape=shape)
    pairs.eliminate_zeros()
    return pairs


def write_matrix(
    matrix: np.ndarray | sparse.csr_array, classes: Sequence[str], caption: str
) -> str:
    """Writes a confusion matrix for a page.

    Up to 20 classes stand as a grid of numbers, in which the colour of a field tells
    its share of the row. Of more classes, the pairs are listed that are confused most.

    Args:
        matrix: Counts, or sums of sample weights, `(classes, classes)`, sparse or not;
            a row for each class of the labels, a column for each class that was chosen.
        classes: What the classes are called.
        caption: Whose matrix it is.

    Returns:
        HTML; names are escaped.
    """
    pairs = sparse.csr_array(matrix)
    if pairs.shape[0] <= GRID_CLASSES:
        return _write_grid(pairs.toarray(), classes, caption)
    return _write_pairs(pairs, classes, caption)


def find_confused(
    matrix: np.ndarray | sparse.csr_array, count: int = PAIRS
) -> list[tuple[int, int, float]]:
    """Lists the pairs of classes that are confused most.

    Args:
        matrix: Counts, `(classes, classes)`, rows for labels, sparse or not.
        count: How many pairs at the most.

    Returns:
        Class of the label, class that was chosen, and how often; the most frequent
        first, none that never happens.

    Example:
    ```python
    find_confused(np.array([[5, 1], [3, 7]]))  # [(1, 0, 3), (0, 1, 1)]
    ```
    """
    pairs = sparse.csr_array(matrix).tocoo()
    wrong = (pairs.row != pairs.col) & (pairs.data != 0)
    rows, columns, counts = pairs.row[wrong], pairs.col[wrong], pairs.data[wrong]
    order = np.lexsort((columns, rows, -counts))[:count]
    found = (part[order].tolist() for part in (rows, columns, counts))
    return list(zip(*found, strict=True))


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


def _write_pairs(matrix: sparse.csr_array, classes: Sequence[str], caption: str) -> str:
    totals = matrix.sum(axis=1)
    lines = "".join(
        f'<tr><th scope="row">{escape(classes[label])}</th>'
        f"<td>{escape(classes[chosen])}</td>"
        f'<td class="number">{_write(count)} of {_write(totals[label])}</td></tr>'
        for label, chosen, count in find_confused(matrix)
    )
    lines = lines or '<tr><td colspan="3">no sample</td></tr>'
    return (
        f'<table class="pairs"><caption>{escape(caption)}: most confused of '
        f"{matrix.shape[0]} classes</caption>"
        '<thead><tr><th scope="col">label</th><th scope="col">taken for</th>'
        f'<th scope="col">samples</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def _write(count: float) -> str:
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:.3g}"
