"""Labels that are names, as class numbers."""

from typing import Any

import numpy as np

from tfcompress.data import check_labels
from tfcompress.errors import DataError
from tfcompress.sources.parts import Part

_SHOWN = 8


def number_labels(
    labels: dict[Part, Any], class_names: tuple[str, ...] | None
) -> tuple[dict[Part, Any], tuple[str, ...] | None]:
    """Turns names of classes into class numbers; numbers stay what they are.

    Args:
        labels: Labels of each part.
        class_names: Names of the classes by number, or None: then those in the part
            that trains, in alphabetical order.

    Returns:
        The labels, and the names of the classes where there are any.

    Raises:
        DataError: If a part holds a class that the names do not hold, or labels are
            Python objects.
    """
    names = [part for part, y in labels.items() if _is_text(y)]
    if not names:
        return labels, class_names
    if len(names) < len(labels):
        raise DataError(
            "Labels must be names or numbers in all parts alike. "
            f"Received: names in {sorted(names)} only"
        )
    texts = {part: y.reshape(-1).astype(str).tolist() for part, y in labels.items()}
    if class_names is None:
        own = texts["all"] if "all" in texts else texts["train"]
        class_names = tuple(sorted(set(own)))
    known = {name: number for number, name in enumerate(class_names)}
    for part, y in texts.items():
        strange = sorted(set(y) - set(known))
        if strange:
            raise DataError(
                f"All classes of the {part} must be among those that train: "
                f"{', '.join(class_names[:_SHOWN])}. "
                f"Received: {', '.join(map(repr, strange[:_SHOWN]))}"
            )
    numbers: dict[Part, Any] = {
        part: np.array([known[name] for name in y], np.int64)
        for part, y in texts.items()
    }
    return numbers, class_names


def check_class_numbers(y: np.ndarray, classes: int, name: str) -> None:
    """Raises an error that says which sample has no class number.

    Args:
        y: Labels `(samples,)`.
        classes: How many classes the model tells apart.
        name: What to call the labels.

    Raises:
        DataError: If a label is negative, too large, or no whole number.

    Example:
    ```python
    import numpy as np
    from tfcompress.sources.labels import check_class_numbers

    check_class_numbers(np.array([0, 2, 1]), 3, "y")
    ```
    """
    if y.dtype.kind not in "biuf":
        return
    wrong = (y < 0) | (y >= classes) | (y != np.rint(y))
    if wrong.any():
        check_labels(y, classes, f"{name} (see sample {int(wrong.argmax())})")


def _is_text(y: Any) -> bool:
    return isinstance(y, np.ndarray) and y.dtype.kind in "US" and y.size == len(y)
