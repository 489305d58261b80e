"""Parts of a data set: their names, and what is drawn where one is missing."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from tfcompress.data import describe, leaves
from tfcompress.errors import ArgumentError, DataError

Part = Literal["all", "train", "validation", "test"]
PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclasses.dataclass(frozen=True)
class Raw:
    """Samples as a source holds them.

    Attributes:
        name: Of the source.
        parts: Inputs and labels of each part; `"all"` alone where it is not split.
        class_names: Names of the classes by number, where the source tells them.
        notes: What was done to the data.
        load: Reads the inputs that `x` names, given `(x, y)` of a part; None where `x`
            are the inputs themselves.
    """

    name: str
    parts: dict[Part, Any]
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    load: Callable[[Any, Any], Any] | None = None


def draw_parts(
    parts: dict[Part, Any], shares: tuple[float, float], seed: int
) -> dict[Part, Any]:
    """Returns all three parts; what is missing is drawn from those that train.

    Each class has the same share in every part, where it has samples enough.

    Args:
        parts: `(x, y)` of the parts that there are: `"all"`, or `"train"` and others.
        shares: Of the samples, for validation and for test, each between 0 and 1.
        seed: Of the draw.

    Returns:
        `(x, y)` by `"train"`, `"validation"` and `"test"`.

    Raises:
        ArgumentError: If a share is none.
        DataError: If there are too few samples, or inputs and labels differ in number.
    """
    _check_shares(shares)
    drawn = dict(parts)
    for part, (x, y) in drawn.items():
        _check_lengths(x, y, part)
    if "all" in drawn:
        drawn["train"] = drawn.pop("all")
    given: dict[Part, float] = {"test": shares[1], "validation": shares[0]}
    whole = len(leaves(drawn["train"][1])[0])
    for part, share in given.items():
        if part in drawn:
            continue
        x, y = drawn["train"]
        count = len(leaves(y)[0])
        held = max(1, round(share * whole))
        if count - held < 1:
            raise DataError(
                f"There are too few samples to hold out {held} for the {part}. Bring "
                f"more, or smaller shares. Received: {count} samples"
            )
        kept, held_out = _draw(_classes(y), count, held, seed)
        drawn["train"] = (_rows(x, kept), _rows(y, kept))
        drawn[part] = (_rows(x, held_out), _rows(y, held_out))
    return drawn


def _check_shares(shares: tuple[float, float]) -> None:
    numbers = [s for s in shares if isinstance(s, int | float) and 0 < s < 1]
    if len(numbers) != 2 or len(shares) != 2 or sum(numbers) >= 1:
        raise ArgumentError(
            "shares must be two numbers between 0 and 1, of validation and test, that "
            f"leave something to train on. Received: shares={shares!r}"
        )


def _check_lengths(x: Any, y: Any, part: Part) -> None:
    given = "" if part == "all" else f"_{part}"
    sizes = {np.shape(leaf)[:1] for leaf in (*leaves(x), *leaves(y))}
    if len(sizes) != 1 or () in sizes:
        raise DataError(
            f"x{given} and y{given} must hold the same number of samples. "
            f"Received: x{given}: {describe(x)}, y{given}: {describe(y)}"
        )
    if sizes == {(0,)}:
        raise DataError(
            f"There must be one sample at least. Received: x{given} of no sample"
        )


def _classes(y: Any) -> np.ndarray | None:
    """Returns the class of each sample, or None where there are no classes."""
    if not isinstance(y, np.ndarray):
        return None
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "biuf":
        one_hot = (y.sum(axis=1) == 1).all() and ((y == 0) | (y == 1)).all()
        return y.argmax(axis=1) if one_hot else None
    if y.size != len(y):
        return None
    flat = y.reshape(-1)
    if flat.dtype.kind == "f" and not np.array_equal(flat, np.rint(flat)):
        return None
    return np.unique(flat, return_inverse=True)[1]


def _draw(
    classes: np.ndarray | None, count: int, held: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the positions that are kept and those that are held out, in order."""
    from sklearn.model_selection import train_test_split

    if classes is not None:
        sizes = np.bincount(classes)
        if sizes.min() < 2 or len(sizes) > min(held, count - held):
            classes = None
    kept, held_out = train_test_split(
        np.arange(count), test_size=held, random_state=seed, stratify=classes
    )
    return np.sort(kept), np.sort(held_out)


def _rows(arrays: Any, rows: np.ndarray) -> Any:
    if isinstance(arrays, dict):
        return {name: array[rows] for name, array in arrays.items()}
    if isinstance(arrays, list | tuple):
        return [array[rows] for array in arrays]
    return arrays[rows]
