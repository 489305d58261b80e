"""The inputs of a data set that is read once, small enough to be kept."""

import base64
import bisect
import dataclasses
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.image import imsave

from tfcompress.data import Batch, batches, leaves, length

SIDE = 48
_FEWEST_PIXELS = 8
_NUMBERS = 6
_BYTES = 128_000_000


@dataclasses.dataclass(frozen=True)
class SeenInput:
    """What is kept of one sample.

    Attributes:
        words: The first numbers of each input, such as `"ids: 4 9 2 7 1 3 … (64)"`.
        picture: Its first input of image shape, `(height, width, 1 or 3)` and at most
            48 on a side; None without one.
    """

    words: str
    picture: np.ndarray | None


class SeenInputs:
    """Data to read, which keeps a little of each sample that was read.

    Calling it reads the data from its start, as `tfcompress.data.batches` does.
    Pictures are kept until they take 128 MB, so that a large data set does not fill
    the memory.

    Args:
        data: Data in a form that `tfcompress.data.batches` accepts.

    Example:
    ```python
    inputs = SeenInputs((images, labels))
    predictions = tfc.measurement.predict("small.tflite", inputs)
    inputs[3].picture
    ```
    """

    def __init__(self, data: Any) -> None:
        self._data = data
        self._kept: list[_Kept] = []
        self._starts: list[int] = []

    def __call__(self) -> Iterator[Batch]:
        """Yields the batches."""
        self._kept, self._starts = [], []
        count, space = 0, _BYTES
        for batch in batches(self._data):
            kept = _keep(batch.x, space)
            self._kept.append(kept)
            self._starts.append(count)
            count += length(batch.x)
            space -= 0 if kept.pictures is None else kept.pictures.nbytes
            yield batch

    def __getitem__(self, index: int) -> SeenInput:
        """Returns what is kept of the sample of this number."""
        number = bisect.bisect_right(self._starts, index) - 1
        kept, place = self._kept[number], index - self._starts[number]
        words = map(_describe, kept.names, kept.shapes, [h[place] for h in kept.heads])
        picture = None if kept.pictures is None else kept.pictures[place]
        return SeenInput("; ".join(words), picture)


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    """What is kept of a batch: of each input name, shape of a sample, first numbers."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    heads: list[np.ndarray]
    pictures: np.ndarray | None


def _keep(x: Any, space: int) -> _Kept:
    """Returns what is kept of a batch, with pictures if they fit in so many bytes."""
    arrays = [np.asarray(leaf) for leaf in leaves(x)]
    pictures = next((p for p in map(_as_pictures, arrays) if p is not None), None)
    fits = pictures is not None and pictures.nbytes <= space
    return _Kept(
        names=list(x) if isinstance(x, dict) else [""] * len(arrays),
        shapes=[array.shape[1:] for array in arrays],
        heads=[_flat(array)[:, :_NUMBERS].copy() for array in arrays],
        pictures=pictures.copy() if pictures is not None and fits else None,
    )


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), math.prod(array.shape[1:]))


def write_picture(picture: np.ndarray, low: float, high: float) -> str:
    """Returns a picture as a data URI of a PNG.

    Args:
        picture: Of shape `(height, width, 1 or 3)`.
        low: The number that is black.
        high: The number that is white.
    """
    scaled = (picture.astype(np.float64) - low) / max(high - low, 1e-12)
    pixels = np.rint(255 * np.clip(scaled, 0.0, 1.0)).astype(np.uint8)
    stream = io.BytesIO()
    colors = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    imsave(stream, colors, format="png")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _as_pictures(array: np.ndarray) -> np.ndarray | None:
    """Returns an input as small pictures, or None if it has no shape of images."""
    if array.dtype.kind not in "iufb":
        return None
    if array.ndim == 3:
        array = array[..., np.newaxis]
    elif array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] not in (1, 3):
        array = np.moveaxis(array, 1, 3)
    if array.ndim != 4 or array.shape[3] not in (1, 3):
        return None
    if min(array.shape[1:3]) < _FEWEST_PIXELS:
        return None
    step = -(-max(array.shape[1:3]) // SIDE)
    return array[:, ::step, ::step]


def _describe(name: str, shape: tuple[int, ...], numbers: np.ndarray) -> str:
    start = f"{name}: " if name else ""
    if numbers.dtype.kind not in "iufb":
        return start + " ".join(map(str, numbers))[:60]
    words = start + " ".join(f"{number:.3g}" for number in numbers)
    if math.prod(shape) <= len(numbers):
        return words
    return f"{words} … ({' x '.join(map(str, shape))})"
