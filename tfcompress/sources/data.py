"""Data, named by one string."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.data import describe, leaves
from tfcompress.errors import ArgumentError, DataError
from tfcompress.names import nearest
from tfcompress.sources.dataset import Dataset
from tfcompress.sources.labels import number_labels
from tfcompress.sources.model_inputs import fit_inputs, fit_labels, inputs_of
from tfcompress.sources.npz import read_npz
from tfcompress.sources.parts import Raw, draw_parts


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
    the same share. Numbers take the dtype of the model's inputs; pixels stay 0 to 255.

    Args:
        text: One of

            - an `.npz` file with `x_train`, `y_train`, and any of `x_validation`,
              `y_validation`, `x_test`, `y_test`; or `x` and `y`. Several inputs are
              `x_train_<name of the input>`.
        model: The model of either Keras that the data is for. Without it, values are
            left as the source holds them.
        label: Name of the column, or feature, that holds the label.
        spec: File that says what the features of a TFRecord are.
        vocabulary: File of words, one a line, in the order of their numbers.
        divide_by: Number that inputs are divided by, such as 255 for images where the
            model takes 0 to 1. Defaults to none.
        shares: Of the samples, for validation and for test, where they are drawn.
            Default to 0.1 and 0.2.
        seed: Of the draw. Defaults to 0.

    Returns:
        The data in three parts.

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
    raw = _read(name)
    labels, class_names = number_labels(
        {part: y for part, (_, y) in raw.parts.items()}, raw.class_names
    )
    parts = draw_parts(
        {part: (x, labels[part]) for part, (x, _) in raw.parts.items()}, shares, seed
    )
    inputs = [] if model is None else inputs_of(model)
    ready = {
        part: (_prepare(x, inputs, divisor), fit_labels(y, model))
        for part, (x, y) in parts.items()
    }
    return Dataset(
        raw.name,
        train=ready["train"],
        validation=ready["validation"],
        test=ready["test"],
        class_names=class_names,
        notes=raw.notes,
    )


def _read(name: str) -> Raw:
    path = Path(name)
    if not path.exists():
        beside = [each.name for each in path.parent.glob("[!.]*")]
        near = ", ".join(nearest(path.name, beside)) if beside else ""
        raise DataError(
            "There is no such file or folder. "
            f"Received: {name!r}" + (f"; beside it are {near}" if near else "")
        )
    if path.suffix == ".npz":
        return read_npz(path)
    raise DataError(f"Expected an .npz file. Received: {name!r}")


def _check_divisor(divide_by: float | None) -> float | None:
    number = isinstance(divide_by, int | float) and not isinstance(divide_by, bool)
    if divide_by is None or (number and 0 < divide_by < float("inf")):
        return divide_by
    raise ArgumentError(
        f"divide_by must be a number above 0. Received: divide_by={divide_by!r}"
    )


def _prepare(x: Any, inputs: list[Any], divisor: float | None) -> Any:
    for array in leaves(x):
        if np.asarray(array).dtype.kind not in "biufUSO":
            raise DataError(
                f"Inputs must be numbers or text. Received: {describe(array)}"
            )
    if divisor is not None:
        x = _map(lambda array: (array / divisor).astype(np.float32), x)
    return fit_inputs(x, inputs) if inputs else x


def _map(function: Any, x: Any) -> Any:
    if isinstance(x, dict):
        return {name: function(array) for name, array in x.items()}
    if isinstance(x, list | tuple):
        return [function(array) for array in x]
    return function(x)
