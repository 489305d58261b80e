"""Sentences or numbers with labels, from CSV and TSV files."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.names import nearest
from tfcompress.sources.model_inputs import ModelInput
from tfcompress.sources.parts import Part, Raw

_LABELS = ("label", "labels", "target", "class")
_MISSING = ("", "?", "na", "n/a", "null", "none", "-")
_TRUTHS = {"false": "0", "true": "1"}


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        path: Its file.
        names: Of the columns.
        columns: The cells of each column.
        lines: The line of the file in which each row ends.
    """

    path: Path
    names: list[str]
    columns: list[list[str]]
    lines: list[int]


def read_tables(
    paths: Mapping[Part, Path],
    *,
    label: str | None,
    inputs: Sequence[ModelInput],
    classes: int | None,
) -> Raw:
    """Reads labelled sentences, or rows of numbers, from CSV or TSV files.

    Args:
        paths: A file for each part, or one as `"all"`. The first line names the
            columns where none of its cells is a number; where one is a word and all
            below it are numbers; and where its numbers count the columns from 0 on, as
            pandas does.
        label: Name of the column of labels. Defaults to `"label"`, `"labels"`,
            `"target"` or `"class"` where there is one; else to the last column, but of
            two to the first where the last is text with more different cells.
        inputs: Of the model; where it has several that are named as columns are, each
            gets its column.
        classes: How many classes the model tells apart, where it does.

    Returns:
        Inputs: texts `(samples,)`, or numbers `(samples, columns)` in the order of the
        columns, or a dict of columns. Labels: texts; whole numbers; or real numbers.

    Raises:
        DataError: If a file is no table of text in UTF-8, rows differ in length, there
            is no such column, or a cell that should be a number is none, or not finite.
    """
    tables = {part: read_table(path) for part, path in paths.items()}
    first = next(iter(tables.values()))
    for table in tables.values():
        if table.names != first.names:
            raise DataError(
                f"All files must have the columns {first.names}, as {first.path.name} "
                f"has. Received: {str(table.path)!r} with {table.names}"
            )
    place = _find_label(first, label)
    features = [
        number for number, name in enumerate(first.names) if number != place and name
    ]
    if not features:
        raise DataError(
            "A table must have a column of labels and one at least to learn from. "
            f"Received: {str(first.path)!r} with the columns {first.names}"
        )
    labels, names = _read_labels(tables, place, classes)
    chosen = [each.name for each in inputs]
    if len(chosen) > 1 and set(chosen) <= {first.names[number] for number in features}:
        features = [first.names.index(name) for name in chosen]
        x = {part: _by_name(table, features) for part, table in tables.items()}
        notes: tuple[str, ...] = ()
    else:
        x, notes = _read_features(tables, features)
    return Raw(
        name=first.path.name if len(tables) == 1 else first.path.parent.name,
        parts={part: (x[part], labels[part]) for part in tables},
        class_names=names,
        notes=notes,
    )


def read_table(path: Path) -> Table:
    """Reads the cells of a CSV or TSV file.

    Cells of a `.tsv` file stand between tabs, quotes are characters like others. Those
    of a `.csv` file stand between commas, semicolons, tabs or bars, whichever the first
    line has most of, and may be quoted.

    Args:
        path: The file, in UTF-8.

    Raises:
        DataError: If it cannot be read, is empty, or its rows differ in length.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            if path.suffix.lower() == ".tsv":
                reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                start = file.readline()
                file.seek(0)
                delimiter = max(",;\t|", key=start.count)
                reader = csv.reader(file, delimiter=delimiter, strict=True)
            found = [(reader.line_num, row) for row in reader if row]
    except UnicodeDecodeError as error:
        raise DataError(
            f"A table must be text in UTF-8 ({error}). Save it so. "
            f"Received: {str(path)!r}"
        ) from error
    except (OSError, csv.Error) as error:
        raise DataError(
            f"The table cannot be read: {error}. Received: {str(path)!r}"
        ) from error
    if not found:
        raise DataError(f"A table must hold rows. Received: {str(path)!r}, empty")
    width = len(found[0][1])
    for line, row in found:
        if len(row) != width:
            raise DataError(
                f"All rows must have {width} cells, as the first has. "
                f"Received: {str(path)!r}, line {line} with {len(row)}"
            )
    if _is_header([row for _, row in found]):
        names = [cell.strip() for cell in found.pop(0)[1]]
    else:
        names = [str(number) for number in range(width)]
    double = sorted({name for name in names if name and names.count(name) > 1})
    if double:
        raise DataError(
            "Each column must have a name of its own. "
            f"Received: {str(path)!r} with more than one {', '.join(double)}"
        )
    if not found:
        raise DataError(
            f"A table must hold rows. Received: {str(path)!r} with its first line alone"
        )
    columns = [list(column) for column in zip(*(r for _, r in found), strict=True)]
    return Table(path, names, columns, [line for line, _ in found])


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns."""
    first, *rest = rows
    numbers = [cell.strip() for cell in first if _is_number(cell)]
    if not numbers:
        return True
    counted = len(numbers) > 1 and numbers == [str(n) for n in range(len(numbers))]
    for name, *cells in zip(first, *rest, strict=True):
        if _is_number(name) or not any(map(str.isalpha, name)) or not cells:
            continue
        if all(map(_is_number, cells)):
            return True
        if counted and name not in cells and 2 * len(set(cells)) <= len(cells):
            return True
    return False


def _find_label(table: Table, label: str | None) -> int:
    if label is None:
        names = [name.lower() for name in table.names]
        known = next((names.index(name) for name in _LABELS if name in names), None)
        return _find_unnamed_label(table) if known is None else known
    if label not in table.names:
        raise DataError(
            f"There is no column {label!r} for the label. Received: label={label!r}; "
            f"nearest of {str(table.path)!r}: {', '.join(nearest(label, table.names))}"
        )
    return table.names.index(label)


def _find_unnamed_label(table: Table) -> int:
    """Returns the last column, or the first of two where the last holds sentences."""
    if len(table.columns) == 2:
        first, last = table.columns
        if _is_text(last) and len(set(last)) > len(set(first)):
            return 0
    return len(table.columns) - 1


def _read_labels(
    tables: Mapping[Part, Table], place: int, classes: int | None
) -> tuple[dict[Part, np.ndarray], tuple[str, ...] | None]:
    """Returns labels as numbers where all are, and as texts else."""
    texts = {
        part: [cell.strip() for cell in table.columns[place]]
        for part, table in tables.items()
    }
    for part, table in tables.items():
        if "" in texts[part]:
            line = table.lines[texts[part].index("")]
            raise DataError(
                "Each row must have a label. "
                f"Received: {str(table.path)!r}, line {line} with none"
            )
    odd = [
        (table, line, cell)
        for part, table in tables.items()
        for line, cell in zip(table.lines, texts[part], strict=True)
        if not _is_number(cell)
    ]
    if len(odd) == 1 and sum(map(len, texts.values())) > 2:
        table, line, cell = odd[0]
        raise DataError(
            f"The labels in the column {table.names[place]!r} are numbers in every row "
            "but one; give that row a number, or leave it out. "
            f"Received: {str(table.path)!r}, line {line} with {cell!r}"
        )
    if odd:
        return {part: np.array(cells, str) for part, cells in texts.items()}, None
    numbers = {part: _numbers(table, place) for part, table in tables.items()}
    every = np.concatenate(list(numbers.values()))
    whole = bool((every == np.rint(every)).all()) and np.abs(every).max() < 2**53
    if not whole:
        return numbers, None
    found = np.unique(every).astype(np.int64)
    if classes and len(found) == classes and (found[0] < 0 or found[-1] >= classes):
        # Numbers that are names, such as the stars of a review, from 1 to 5.
        positions = {
            part: np.searchsorted(found, array) for part, array in numbers.items()
        }
        return positions, tuple(map(str, found))
    for part, table in tables.items():
        for line, label in zip(table.lines, numbers[part], strict=True):
            if classes and not 0 <= label < classes:
                raise DataError(
                    f"Labels must be class numbers from 0 to {classes - 1}, for the "
                    f"model tells {classes} classes apart. "
                    f"Received: {str(table.path)!r}, line {line} with {label:g}"
                )
    return {part: array.astype(np.int64) for part, array in numbers.items()}, None


def _read_features(
    tables: Mapping[Part, Table], features: Sequence[int]
) -> tuple[dict[Part, Any], tuple[str, ...]]:
    """Returns sentences, where a column holds text, else the numbers of all columns."""
    first = next(iter(tables.values()))
    texts = [
        n for n in features if any(_is_text(t.columns[n]) for t in tables.values())
    ]
    if not texts:
        columns = {
            part: [_numbers(table, number) for number in features]
            for part, table in tables.items()
        }
        return {
            part: np.stack(arrays, axis=1).astype(np.float32)
            for part, arrays in columns.items()
        }, ()
    if len(texts) > 1:
        raise DataError(
            "Columns must hold numbers, but for one of text. Join sentences in one "
            "column; give names of kinds a number each, or a column of 0 and 1 as "
            "pandas.get_dummies does. "
            f"Received: {str(first.path)!r} with text in "
            f"{', '.join(first.names[number] for number in texts)}"
        )
    left = [first.names[number] for number in features if number not in texts]
    notes = (f"Columns left out beside the text: {', '.join(left)}.",) if left else ()
    return {p: np.array(t.columns[texts[0]], str) for p, t in tables.items()}, notes


def _by_name(table: Table, features: Sequence[int]) -> dict[str, np.ndarray]:
    return {
        table.names[number]: np.array(table.columns[number], str)
        if _is_text(table.columns[number])
        else _numbers(table, number).astype(np.float32)
        for number in features
    }


def _is_text(cells: Sequence[str]) -> bool:
    """Whether most cells of a column are no numbers."""
    return 2 * sum(_is_number(cell) for cell in cells) < len(cells)


def _numbers(table: Table, number: int) -> np.ndarray:
    cells = table.columns[number]
    for line, cell in zip(table.lines, cells, strict=True):
        if not _is_number(cell):
            raise DataError(
                f"The column {table.names[number]!r} must hold numbers{_advice(cell)}. "
                f"Received: {str(table.path)!r}, line {line} with {cell!r}"
            )
    found = np.array([_TRUTHS.get(c.strip().lower(), c) for c in cells], np.float64)
    finite = np.isfinite(found)
    if not finite.all():
        first = int(finite.argmin())
        raise DataError(
            f"The column {table.names[number]!r} must hold finite numbers; fill in "
            "what is missing, or leave the row out. "
            f"Received: {str(table.path)!r}, line {table.lines[first]} with "
            f"{cells[first]!r}"
        )
    return found


def _advice(cell: str) -> str:
    missing = cell.strip().lower() in _MISSING
    return "; fill in what is missing, or leave the row out" if missing else ""


def _is_number(text: str) -> bool:
    """Whether a cell holds a number, or true or false, which are 1 and 0."""
    try:
        float(_TRUTHS.get(text.strip().lower(), text))
    except ValueError:
        return False
    return True
