"""Images in folders, one folder for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.sources.image_loader import ImageLoader, read_image
from tfcompress.sources.model_inputs import ModelInput
from tfcompress.sources.parts import PART_NAMES, Part, Raw

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


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
    loader = ImageLoader.for_inputs(inputs, read_image(some), some)
    return Raw(folder.resolve().name, samples, tuple(names), load=loader)


def has_images(folder: Path) -> bool:
    """Returns whether there are images in folders in it."""
    return any(
        _is_image(path) for child in _folders(folder) for path in child.rglob("*")
    )


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
