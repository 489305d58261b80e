"""Data, named by one string."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.data import check_finite, describe, is_dataset, leaves
from tfcompress.errors import ArgumentError, DataError
from tfcompress.sources import image_folders, records
from tfcompress.sources.dataset import Dataset
from tfcompress.sources.embeddings import words_known
from tfcompress.sources.functions import read_function
from tfcompress.sources.labels import check_class_numbers, number_labels
from tfcompress.sources.model_inputs import (
    ModelInput,
    classes_of,
    fit_inputs,
    fit_labels,
    inputs_of,
)
from tfcompress.sources.named_function import is_function_name
from tfcompress.sources.npz import read_npz
from tfcompress.sources.parts import PART_NAMES, Part, Raw, draw_parts
from tfcompress.sources.paths import DATA_FORMS, check_data_path
from tfcompress.sources.tables import read_tables
from tfcompress.sources.words import number_words, read_vocabulary

_TABLES = (".csv", ".tsv")


def read_data(
    text: str | os.PathLike[str],
    *,
    model: Any = None,
    label: str | None = None,
    spec: str | os.PathLike[str] | None = None,
    vocabulary: str | os.PathLike[str] | None = None,
    divide_by: float | None = None,
    shares: tuple[float, float] = (0.1, 0.2),
    seed: int = 0,
) -> Dataset:
    """Reads data to train and test on from a file, a folder or a function.

    Parts that the source does not hold are drawn from those that train, each class with
    the same share. Numbers take the dtype of the model's inputs, and an axis of one
    channel is added where the model has one. Pixels stay 0 to 255. No code in a file of
    data is run.

    Args:
        text: One of

            - an `.npz` file with `x_train`, `y_train`, and any of `x_validation`,
              `y_validation`, `x_test`, `y_test`; or `x` and `y`. Several inputs are
              `x_train_<name of the input>` or `<name of the input>_train`. Other names
              in use are known too, such as `train_images` and `val_labels`.
            - a folder with a folder of images for each class, or with folders `train`,
              `validation` and `test` that hold these. Images are brought to the size
              and channels of the model.
            - a `.csv` or `.tsv` file of a column with labels and either columns of
              numbers or a column of text, which becomes word numbers.
            - a `.tfrecord` file with a `spec`.
            - a folder of tables or TFRecords, each with its part in its name, such as
              `train.csv` and `sst2_dev.tsv`.
            - `"module:function"` or `"path/to/file.py:function"`: a function without
              arguments that returns `(train, validation)`, `(train, validation, test)`,
              arrays `(x, y)` or a `Dataset`. Naming it runs its code. A
              `tf.data.Dataset` is handed on as it is.
        model: The model of either Keras that the data is for. Without it, values are
            left as the source holds them, and text stays text.
        label: Name of the column, or feature, that holds the label. Defaults to
            `"label"`, and in a table without such a column to one called `"labels"`,
            `"target"` or `"class"`, else to the last, or to the first of two where the
            last is text.
        spec: JSON or YAML file that says what the features of a TFRecord are; see
            `tfcompress.sources.records.read_spec`. Defaults to one beside it.
        vocabulary: File of words, one a line, in the order of the numbers with which
            the model was trained. Defaults to the most frequent words of the part that
            trains, as many as the model's Embedding knows.
        divide_by: Number that inputs are divided by, such as 255 for images where the
            model takes 0 to 1. Defaults to none.
        shares: Of the samples, for validation and for test, where they are drawn.
            Default to 0.1 and 0.2.
        seed: Of the draw. Defaults to 0.

    Returns:
        The data in three parts. Images that would take more than 2 GiB of memory are a
        `tf.data.Dataset` of batches of 32.

    Raises:
        DataError: If the source cannot be read, or holds something else.
        ArgumentError: If an option has a wrong value.

    Example:
    ```python
    import numpy as np

    np.savez("numbers.npz", x=np.random.rand(40, 4), y=np.arange(40) % 2)
    data = tfc.sources.read_data("numbers.npz")
    ```
    """
    name = os.fspath(text)
    divisor = _check_divisor(divide_by)
    words = None if vocabulary is None else read_vocabulary(vocabulary)
    inputs = [] if model is None else inputs_of(model)
    classes = classes_of(model) if inputs else None
    raw = _read(name, inputs, label, spec, classes)
    parts, names = raw.parts, raw.class_names
    if all(isinstance(part, tuple) and len(part) == 2 for part in parts.values()):
        labels, names = number_labels({p: y for p, (_, y) in parts.items()}, names)
        parts = {part: (x, labels[part]) for part, (x, _) in parts.items()}
        _check_values(parts, raw, classes)
        parts = draw_parts(parts, shares, seed)
    if raw.load is not None:
        parts = {part: raw.load(x, y) for part, (x, y) in parts.items()}
    parts, known = _number_texts(parts, inputs, model, words)
    if words is not None and known is None:
        raise ArgumentError(
            "vocabulary is for data of text and a model that takes word numbers. "
            f"Received: vocabulary={str(vocabulary)!r}, data {name!r}"
        )
    ready = {
        part: _prepare(value, inputs, model, divisor) for part, value in parts.items()
    }
    notes = list(raw.notes)
    if known and words is None:
        notes.append(
            f"The words are numbered anew, the {len(known) - 2} most frequent of the "
            "training part; a model that was trained with another numbering reads "
            "nonsense. Give the words in the order of its numbers (--vocabulary)."
        )
    return Dataset(
        raw.name,
        train=ready["train"],
        validation=ready["validation"],
        test=ready.get("test"),
        class_names=names,
        vocabulary=known,
        notes=tuple(notes),
    )


def _read(
    name: str,
    inputs: list[ModelInput],
    label: str | None,
    spec: str | os.PathLike[str] | None,
    classes: int | None,
) -> Raw:
    if is_function_name(name):
        _check_unused("a function", label=label, spec=spec)
        return read_function(name)
    check_data_path(name)
    path = Path(name)
    try:
        files, kind = _find_files(path)
    except OSError as error:
        raise DataError(
            f"The folder cannot be read: {error.strerror}. Received: {name!r}"
        ) from error
    if kind in ("npz", "images"):
        _check_unused(f"{name!r}", label=label, spec=spec)
    if kind == "npz":
        return read_npz(path, inputs=inputs)
    if kind == "images":
        return image_folders.read_image_folder(path, inputs=inputs)
    if kind == "tables":
        _check_unused(f"{name!r}", spec=spec)
        tables = {part: each[0] for part, each in files.items()}
        double = [each for each in files.values() if len(each) > 1]
        if double:
            raise DataError(
                "Each part must be one table; join them, or read them with "
                "module:function. "
                f"Received: {name!r} with {', '.join(each.name for each in double[0])}"
            )
        return read_tables(tables, label=label, inputs=inputs, classes=classes)
    if kind == "records":
        return records.read_records(files, spec=spec, label=label, inputs=inputs)
    raise DataError(
        f"Expected {DATA_FORMS}. Received: {name!r}, "
        + ("a folder with none of these" if path.is_dir() else f"a {path.suffix} file")
    )


def _find_files(path: Path) -> tuple[dict[Part, list[Path]], str | None]:
    """Returns the files of each part, and what they are."""
    if not path.is_dir():
        suffix = path.suffix.lower()
        if suffix == ".npz":
            return {}, "npz"
        kind = "tables" if suffix in _TABLES else None
        return {"all": [path]}, "records" if _is_record(path) else kind
    if image_folders.has_images(path):
        return {}, "images"
    found = sorted(each for each in path.iterdir() if each.is_file())
    tests: dict[str, Callable[[Path], bool]] = {
        "tables": lambda each: each.suffix.lower() in _TABLES,
        "records": _is_record,
    }
    for kind, is_one in tests.items():
        files: dict[Part, list[Path]] = {}
        of_kind = [each for each in found if is_one(each)]
        for each in of_kind:
            if (part := _part_of(each)) is not None:
                files.setdefault(part, []).append(each)
        if "train" in files:
            return files, kind
        if of_kind and not files:
            return {"all": of_kind}, kind
    return {}, None


def _check_values(parts: dict[Part, Any], raw: Raw, classes: int | None) -> None:
    """Raises an error that names the sample of the source, before parts are drawn."""
    for part, (x, y) in parts.items():
        where = f"of {raw.name!r}" if part == "all" else f"of {part} of {raw.name!r}"
        if raw.load is None:
            check_finite(x, f"x {where}")
        check_finite(y, f"y {where}")
        if classes is not None and isinstance(y, np.ndarray) and y.size == len(y):
            check_class_numbers(y.reshape(-1), classes, f"y {where}")


def _is_record(path: Path) -> bool:
    """Whether this is a TFRecord, which may be one of several: `x.tfrecord-00000`."""
    name = path.name.lower()
    named = any(suffix in name for suffix in records.SUFFIXES)
    return named and not name.endswith(records.SPEC_SUFFIXES)


def _part_of(path: Path) -> Part | None:
    words = re.split(r"[^a-z]+", path.name.lower())
    return next((PART_NAMES[word] for word in words if word in PART_NAMES), None)


def _check_unused(source: str, **options: Any) -> None:
    """Raises an error for an option that says nothing of this kind of source."""
    uses = {"label": "a table or a TFRecord", "spec": "a TFRecord"}
    for option, value in options.items():
        if value is not None:
            raise ArgumentError(
                f"{option} is for {uses[option]}; leave it out. "
                f"Received: {option}={os.fspath(value)!r}, data {source}"
            )


def _check_divisor(divide_by: float | None) -> float | None:
    number = isinstance(divide_by, int | float) and not isinstance(divide_by, bool)
    if divide_by is None or (number and 0 < divide_by < float("inf")):
        return divide_by
    raise ArgumentError(
        f"divide_by must be a number above 0. Received: divide_by={divide_by!r}"
    )


def _number_texts(
    parts: dict[Part, Any],
    inputs: list[ModelInput],
    model: Any,
    vocabulary: list[str] | None,
) -> tuple[dict[Part, Any], tuple[str, ...] | None]:
    """Turns text into word numbers, where the model takes numbers."""
    texts = {
        part: value[0].reshape(-1).astype(str)
        for part, value in parts.items()
        if isinstance(value, tuple) and _is_text(value[0])
    }
    if len(inputs) != 1 or inputs[0].dtype == object or set(texts) != set(parts):
        return parts, None
    numbers, known = number_words(
        texts, inputs[0], known=words_known(model), vocabulary=vocabulary
    )
    return {p: (numbers[p], *value[1:]) for p, value in parts.items()}, known


def _is_text(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "USO" and x.size == len(x)


def _prepare(
    part: Any, inputs: list[ModelInput], model: Any, divisor: float | None
) -> Any:
    if is_dataset(part):
        if divisor is None:
            return part
        return part.map(lambda x, *rest: (_divide(x, divisor), *rest))
    if not isinstance(part, tuple):
        if divisor is not None:
            raise ArgumentError(
                "divide_by works on arrays and on a tf.data.Dataset; divide where the "
                f"data is made. Received: divide_by={divisor}, data {describe(part)}"
            )
        return part
    x, y, *weights = part
    for array in leaves(x):
        if array.dtype.kind not in "biufUSO":
            raise DataError(
                f"Inputs must be numbers or text. Received: {describe(array)}"
            )
    if divisor is not None:
        x = _divide(x, divisor)
    return (fit_inputs(x, inputs) if inputs else x, fit_labels(y, model), *weights)


def _divide(x: Any, divisor: float) -> Any:
    """Divides arrays or tensors, in float32; text stays text."""
    if isinstance(x, dict):
        return {name: _divide(array, divisor) for name, array in x.items()}
    if isinstance(x, list | tuple):
        return [_divide(array, divisor) for array in x]
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "biuf":
            return x
        return (x / np.float32(divisor)).astype(np.float32)
    import tensorflow as tf

    return x if x.dtype == tf.string else tf.cast(x, tf.float32) / divisor
