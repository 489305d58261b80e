"""Arrays from `.npz` files."""

import os
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from tfcompress.errors import DataError
from tfcompress.sources.model_inputs import ModelInput
from tfcompress.sources.parts import PART_NAMES, Part, Raw

_KINDS = {
    "x": (
        *("x", "xs", "image", "images", "data", "input", "inputs"),
        *("feature", "features", "sample", "samples"),
    ),
    "y": ("y", "ys", "label", "labels", "target", "targets", "output", "outputs"),
}
_CLASSES = "class_names"
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_KIND = "|".join(_KIND_OF)
_PART = "|".join(PART_NAMES)
_NAME = re.compile(
    rf"(?P<part>{_PART})[_-]?(?P<kind>{_KIND})"
    rf"|(?P<kind_first>{_KIND})(?:[_-]?(?P<part_last>{_PART}))?"
    rf"|(?P<axis>x|y)(?:_(?P<part_between>{_PART}))?_(?P<input>.+)",
    re.IGNORECASE,
)
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    KeyError,
    MemoryError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(
    path: str | os.PathLike[str], *, wanted: Callable[[str], bool] | None = None
) -> dict[str, np.ndarray]:
    """Returns the arrays of an `.npz` file by name. No code in it is run.

    Args:
        path: A file as `numpy.savez` writes it.
        wanted: Tells by its name whether an array is read. Defaults to all.

    Raises:
        DataError: If the file cannot be read, is damaged, or holds Python objects.

    Example:
    ```python
    import numpy as np
    from tfcompress.sources.npz import read_arrays

    np.savez("numbers.npz", x=np.zeros(3))
    assert list(read_arrays("numbers.npz")) == ["x"]
    ```
    """
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise DataError(
                "Expected an .npz file, as numpy.savez writes it. "
                f"Received: {path}, which holds a single array"
            )
        with file:
            names = filter(wanted, file.files) if wanted else file.files
            return {name: _as_array(file[name], name, path) for name in names}
    except FileNotFoundError as error:
        raise DataError(f"There is no such file. Received: {path}") from error
    except _DAMAGE as error:
        raise DataError(
            f"The file cannot be read as .npz: {error}. Received: {path}"
        ) from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            "The .npz file must hold plain numbers. Arrays of Python objects are "
            "refused, for they can run code; save them again with a numeric dtype. "
            f"Received: {path} ({error})"
        ) from error


def read_npz(path: str | os.PathLike[str], *, inputs: Sequence[ModelInput] = ()) -> Raw:
    """Reads labelled samples from an `.npz` file.

    Args:
        path: A file with the arrays `x` and `y`, or `x_train`, `y_train` and as many as
            there are of `x_validation`, `y_validation`, `x_test` and `y_test`; also
            `train_images`, `val_labels` and the like. Several inputs are
            `x_train_<name of the input>`, or `<name of the input>_train`. An array of
            texts `class_names` names the classes.
        inputs: Of the model. Defaults to none, and no array is named as one.

    Returns:
        The parts that are in the file.

    Raises:
        DataError: If the file cannot be read, or lacks one of these arrays.
    """
    known = [each.name for each in inputs]
    arrays = read_arrays(
        path,
        wanted=lambda name: name == _CLASSES or _find_place(name, known) is not None,
    )
    found: dict[Part, dict[str, dict[str, np.ndarray]]] = {}
    for name, array in arrays.items():
        place = _find_place(name, known)
        if place is None:
            continue
        part, kind, taken = place
        same = found.setdefault(part, {}).setdefault(kind, {})
        if taken in same or not array.ndim:
            raise DataError(
                f"Each array must hold a row for each sample, and each of {kind} have "
                f"a name of its own. Received: {path}, in which {name} is "
                + ("another one" if array.ndim else "a single number")
            )
        same[taken] = array
    if not ({"all", "train"} & set(found)) or ("all" in found and len(found) > 1):
        raise DataError(
            "The .npz file must hold the arrays x and y, which are split, or x_train, "
            "y_train, x_test and y_test, with x_validation and y_validation if there "
            f"are any. Received: {path} with {_names_in(path)}"
        )
    parts = {}
    for part, kinds in found.items():
        ending = "" if part == "all" else f"_{part}"
        missing = [f"{kind}{ending}" for kind in _KINDS if kind not in kinds]
        if missing:
            raise DataError(
                f"The .npz file must hold inputs x{ending} and labels y{ending}. "
                f"Missing: {', '.join(missing)}. "
                f"Received: {path} with {_names_in(path)}"
            )
        parts[part] = (_join(kinds["x"], path), _join(kinds["y"], path))
    names = arrays.get(_CLASSES)
    return Raw(
        name=os.path.basename(path),
        parts=parts,
        class_names=None if names is None else tuple(map(str, names.reshape(-1))),
    )


def _names_in(path: str | os.PathLike[str]) -> list[str]:
    """Returns the names of all arrays of a file, those that nothing reads too."""
    with np.load(path, allow_pickle=False) as file:
        return sorted(file.files)


def _find_place(name: str, inputs: Sequence[str]) -> tuple[Part, str, str] | None:
    """Returns the part of an array, whether it is x or y, and of which input."""
    for each in inputs:
        own = rf"(?:({_PART})[_-])?{re.escape(each)}(?:[_-]({_PART}))?"
        if each not in _KINDS["y"] and (match := re.fullmatch(own, name)):
            part = match[1] or match[2]
            return _part_of(part), "x", each if len(inputs) > 1 else ""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    part = match["part"] or match["part_last"] or match["part_between"]
    kind = match["kind"] or match["kind_first"] or match["axis"]
    return _part_of(part), _KIND_OF[kind.lower()], match["input"] or ""


def _part_of(name: str | None) -> Part:
    return PART_NAMES[name.lower()] if name else "all"


def _as_array(value: object, name: str, path: str | os.PathLike[str]) -> np.ndarray:
    """Refuses what stands in a zip beside arrays, which NumPy gives as bytes."""
    if not isinstance(value, np.ndarray):
        raise DataError(
            "The .npz file must hold arrays alone, as numpy.savez writes it. "
            f"Received: {path}, in which {name} is none"
        )
    return value


def _join(
    arrays: dict[str, np.ndarray], path: str | os.PathLike[str]
) -> np.ndarray | dict[str, np.ndarray]:
    """Returns a single array as it is, and several by the names of their inputs."""
    if "" not in arrays:
        return arrays
    if len(arrays) > 1:
        raise DataError(
            "Either one array for a model of one input, such as x_train, or one for "
            "each input, such as x_train_image and x_train_age. "
            f"Received: {path} with both, the latter for {sorted(set(arrays) - {''})}"
        )
    return arrays[""]
