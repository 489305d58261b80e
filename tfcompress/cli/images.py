"""Labelled images for the demo: embedded digits, or a file of the user's."""

import dataclasses
import os
from typing import Any

import numpy as np

from tfcompress.data import check_finite, check_labels, describe
from tfcompress.errors import DataError
from tfcompress.sources.npz import read_arrays

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
VALIDATION_SHARE = 0.1
MOST_CLASSES = 10_000


@dataclasses.dataclass(frozen=True)
class Images:
    """Images from 0 to 1 with class numbers, split in three.

    Attributes:
        name: What they are called in the report.
        train: Images `(samples, height, width, channels)`, float32, and class numbers.
        validation: The same, held out of the training images.
        test: The same, for the final table alone.
        classes: Number of classes.
        prepared: How the pixels were brought to the range 0 to 1.
    """

    name: str
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    classes: int
    prepared: str


def load_digits(seed: int) -> Images:
    """Returns scikit-learn's 1,797 handwritten digits of 8 by 8 pixels.

    Three in ten are for the test, one in ten of the others for validation, chosen by
    the seed and with the same share of each class.
    """
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    images, labels = load(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        images.reshape(-1, 8, 8),
        labels,
        test_size=0.3,
        random_state=seed,
        stratify=labels,
    )
    arrays = dict(zip(ARRAYS, (x_train, y_train, x_test, y_test), strict=True))
    return _prepare("scikit-learn's digits", arrays, seed)


def load_file(path: str | os.PathLike[str], seed: int) -> Images:
    """Reads images from an `.npz` file.

    Args:
        path: A file with the arrays `x_train`, `y_train`, `x_test` and `y_test`: images
            `(samples, height, width)` or with a last axis of channels, and a class
            number for each.
        seed: Of the choice of validation images.

    Returns:
        The images, brought to the range 0 to 1.

    Raises:
        DataError: If the file cannot be read, lacks an array, holds objects, or the
            arrays are not labelled images with finite numbers.
    """
    return _prepare(os.path.basename(path), _read(path), seed)


def _read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    arrays = read_arrays(path, wanted=ARRAYS.__contains__)
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise DataError(
            f"The .npz file must hold the arrays {', '.join(ARRAYS)}. Missing: "
            f"{', '.join(missing)}. Received: {path} with {list(arrays)}"
        )
    return arrays


def _prepare(name: str, arrays: dict[str, np.ndarray], seed: int) -> Images:
    for part in ("train", "test"):
        _check_part(arrays[f"x_{part}"], arrays[f"y_{part}"], part)
    if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
        raise DataError(
            "x_train and x_test must hold images of the same shape. Received: "
            f"{arrays['x_train'].shape[1:]} and {arrays['x_test'].shape[1:]}"
        )
    if (arrays["x_train"].dtype == np.uint8) != (arrays["x_test"].dtype == np.uint8):
        raise DataError(
            "x_train and x_test must hold pixels of the same range. Received: "
            f"{arrays['x_train'].dtype} and {arrays['x_test'].dtype}"
        )
    y_train, y_test = (arrays[name].reshape(-1) for name in ("y_train", "y_test"))
    classes = int(y_train.max()) + 1
    if classes < 2:
        raise DataError(
            "y_train must hold two classes at least, numbered from 0. "
            f"Received: class {classes - 1} alone"
        )
    if classes > MOST_CLASSES:
        raise DataError(
            f"y_train must hold class numbers from 0 up to {MOST_CLASSES - 1} at most. "
            f"Received: class {classes - 1}"
        )
    check_labels(y_train, classes, "y_train")
    check_labels(y_test, classes, "y_test")
    y_train, y_test = y_train.astype(np.int64), y_test.astype(np.int64)
    scale, prepared = _find_scale(arrays["x_train"])
    x_train = _as_pixels(arrays["x_train"], scale)
    order = np.random.default_rng(seed).permutation(len(x_train))
    held = max(1, round(VALIDATION_SHARE * len(x_train)))
    kept, held_out = np.sort(order[held:]), np.sort(order[:held])
    return Images(
        name=name,
        train=(x_train[kept], y_train[kept]),
        validation=(x_train[held_out], y_train[held_out]),
        test=(_as_pixels(arrays["x_test"], scale), y_test),
        classes=classes,
        prepared=prepared,
    )


def _check_part(x: Any, y: Any, part: str) -> None:
    for name, array in {f"x_{part}": x, f"y_{part}": y}.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "uifb":
            raise DataError(
                f"{name} must be an array of numbers. Received: {describe(array)}"
            )
        if not array.ndim:
            raise DataError(f"{name} must hold samples. Received: a single number")
    if x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[-1] > 4):
        raise DataError(
            f"x_{part} must hold images: (samples, height, width), or with a last axis "
            f"of 1 to 4 channels. Received: x_{part} of shape {x.shape}"
        )
    if min(x.shape[1:3]) < 4:
        raise DataError(
            "Images must be 4 pixels high and wide at least. "
            f"Received: x_{part} of shape {x.shape}"
        )
    if len(x) != len(y) or y.size != len(y):
        raise DataError(
            f"y_{part} must hold one class number for each image of x_{part}. "
            f"Received: {x.shape[0]} images, y_{part} of shape {y.shape}"
        )
    if len(x) < 2:
        raise DataError(
            f"x_{part} must hold two images at least. Received: {len(x)} images"
        )
    check_finite(x, f"x_{part}")
    check_finite(y, f"y_{part}")


def _find_scale(x: np.ndarray) -> tuple[float, str]:
    largest = float(np.abs(x.astype(np.float64)).max())
    if x.dtype == np.uint8:
        return 255.0, "pixels divided by 255"
    if largest <= 1.0:
        return 1.0, "pixels as they are"
    return largest, f"pixels divided by {largest:g}, the largest in x_train"


def _as_pixels(x: np.ndarray, scale: float) -> np.ndarray:
    pixels = (x / np.float32(scale)).astype(np.float32)
    return pixels if pixels.ndim == 4 else pixels[..., np.newaxis]
