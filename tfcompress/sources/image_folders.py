"""Images in folders, one folder for each class."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.sources.model_inputs import ModelInput
from tfcompress.sources.parts import PART_NAMES, Part, Raw

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
# Images that take more than this stay in their files until they are trained on.
MOST_BYTES = 2**31
BATCH_SIZE = 32
_CHANNELS = (1, 3, 4)


def read_image_folder(folder: Path, *, inputs: Sequence[ModelInput]) -> Raw:
    """Reads labelled images from a folder with a folder for each class.

    Args:
        folder: Holds a folder for each class, or folders `train`, `validation` and
            `test` that hold these. Images are JPEG, PNG, BMP or GIF files.
        inputs: Of the model, whose size and channels the images take. Without one, or
            where these are open, they are those of the first image.

    Returns:
        Paths of the images with class numbers, and in `load` what reads them: pixels
        from 0 to 255.

    Raises:
        DataError: If there is no folder of images in it, a part has other classes, or
            an image cannot be read.
    """
    children = _folders(folder)
    parts: dict[Part, Path] = {
        PART_NAMES[child.name.lower()]: child
        for child in children
        if child.name.lower() in PART_NAMES
    }
    if "train" not in parts or len(parts) < len(children):
        parts = {"all": folder}
    files = {part: _list_images(place) for part, place in parts.items()}
    names = sorted(files["train"] if "train" in files else files["all"])
    if len(names) < 2:
        raise DataError(
            "Expected a folder for each class, two at the least, with images "
            f"({', '.join(SUFFIXES)}) in them; or such folders in train, validation "
            f"and test. Received: {str(folder)!r} with "
            f"{', '.join(child.name for child in children) or 'no folder'}"
        )
    for part, found in files.items():
        strange = sorted(set(found) - set(names))
        if strange:
            raise DataError(
                f"All classes of the {part} must be among those that train. "
                f"Received: {str(parts[part])!r} with {', '.join(strange)}"
            )
    samples: dict[Part, Any] = {}
    for part, found in files.items():
        paths = [path for name in names for path in found.get(name, [])]
        if not paths:
            raise DataError(
                f"The {part} must hold images. Received: {str(parts[part])!r} with none"
            )
        labels = [n for n, name in enumerate(names) for _ in found.get(name, [])]
        samples[part] = np.array(paths, str), np.array(labels, np.int64)
    some = next(iter(samples.values()))[0][0]
    loader = ImageLoader.for_inputs(inputs, some)
    return Raw(folder.resolve().name, samples, tuple(names), load=loader)


def has_images(folder: Path) -> bool:
    """Returns whether there are images in folders in it."""
    return any(
        _is_image(path) for child in _folders(folder) for path in child.rglob("*")
    )


@dataclasses.dataclass(frozen=True)
class ImageLoader:
    """Reads images, all of one size.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1, 3 or 4.
        dtype: Of the pixels, from 0 to 255.
    """

    height: int
    width: int
    channels: int
    dtype: np.dtype

    @classmethod
    def for_inputs(cls, inputs: Sequence[ModelInput], path: str) -> "ImageLoader":
        """Returns a loader for a model, with what it leaves open as in one image.

        Raises:
            DataError: If the model takes no images, or the image cannot be read.
        """
        shape: tuple[int | None, ...] = (None, None, None)
        dtype = np.dtype(np.float32)
        if inputs:
            shape, dtype = inputs[0].shape[1:], inputs[0].dtype
            # A model of (height, width) takes one channel without an axis for it.
            shape = (*shape, 1) if len(shape) == 2 else shape
            if len(inputs) > 1 or len(shape) != 3 or shape[2] not in (*_CHANNELS, None):
                raise DataError(
                    "The data holds images, and the model must take them: one input of "
                    "shape (None, height, width, channels), of 1, 3 or 4 channels. "
                    f"Received: a model with inputs of {[i.shape for i in inputs]}"
                )
        own = _decode(path, 0).shape
        height, width, channels = (
            given or found for given, found in zip(shape, own, strict=True)
        )
        return cls(height, width, channels if channels in _CHANNELS else 3, dtype)

    def __call__(self, paths: np.ndarray, labels: np.ndarray) -> Any:
        """Returns pixels and labels as arrays, or a data set where they are too many.

        Raises:
            DataError: If an image cannot be read, with its name.
        """
        size = self.height * self.width * self.channels * self.dtype.itemsize
        if len(paths) * size > MOST_BYTES:
            return self._as_dataset(paths, labels)
        pixels = np.empty(
            (len(paths), self.height, self.width, self.channels), self.dtype
        )
        for number, path in enumerate(paths):
            pixels[number] = self._read(path)
        return pixels, labels

    def _read(self, path: str) -> np.ndarray:
        import tensorflow as tf

        image = _decode(path, self.channels)
        if image.shape[:2] != (self.height, self.width):
            image = tf.image.resize(image, (self.height, self.width)).numpy()
        if self.dtype.kind in "iu":
            image = np.rint(image)
        return image.astype(self.dtype)

    def _as_dataset(self, paths: np.ndarray, labels: np.ndarray) -> Any:
        import tensorflow as tf

        # The folders come one after the other, and each batch shall hold all classes.
        order = np.random.default_rng(0).permutation(len(paths))
        shape = (self.height, self.width, self.channels)

        def read(path: Any, label: Any) -> Any:
            pixels = tf.numpy_function(
                lambda name: self._read(name.decode()), [path], self.dtype
            )
            return tf.ensure_shape(pixels, shape), label

        dataset = tf.data.Dataset.from_tensor_slices((paths[order], labels[order]))
        return dataset.map(read, num_parallel_calls=2).batch(BATCH_SIZE).prefetch(1)


def _decode(path: str, channels: int) -> np.ndarray:
    """Returns the pixels of an image file; 0 channels are as many as it has."""
    import tensorflow as tf

    try:
        content = Path(path).read_bytes()
        image = tf.io.decode_image(content, channels, expand_animations=False)
    except (OSError, tf.errors.OpError) as error:
        said = str(error).split("\n")[0].rpartition("} ")[2].split(" [Op:")[0]
        raise DataError(
            "The image cannot be read; remove it or save it again as JPEG or PNG "
            f"{f'of {channels} channels ' if channels else ''}({said}). "
            f"Received: {path}"
        ) from error
    return image.numpy()


def _list_images(folder: Path) -> dict[str, list[str]]:
    found = {child.name: _images(child) for child in _folders(folder)}
    return {name: list(map(str, images)) for name, images in found.items() if images}


def _images(folder: Path) -> list[Path]:
    return sorted(filter(_is_image, folder.rglob("*")))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _folders(folder: Path) -> list[Path]:
    return sorted(
        child
        for child in folder.iterdir()
        if child.is_dir() and not child.name.startswith((".", "__"))
    )
