"""Samples from TFRecord files, with a file that says what their features are."""

import dataclasses
import gzip
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress.errors import DataError
from tfcompress.names import nearest
from tfcompress.sources.image_loader import ImageLoader
from tfcompress.sources.model_inputs import ModelInput
from tfcompress.sources.parts import Part, Raw

SUFFIXES = (".tfrecord", ".tfrecords")
SPEC_SUFFIXES = (".json", ".yaml", ".yml")
_DTYPES = (
    *("float32", "float64", "int8", "uint8", "int16", "int32", "int64"),
    *("bool", "string"),
)
_ENCODINGS = ("values", "image", "bytes")
_KEYS = ("dtype", "shape", "encoding")
_GZIP = b"\x1f\x8b\x08"


@dataclasses.dataclass(frozen=True)
class Feature:
    """What one feature of a TFRecord is.

    Attributes:
        dtype: Of the array that it becomes.
        shape: Of one sample. Images may leave it out, and are brought to it.
        encoding: `"values"`, a list of numbers or one text; `"image"`, a JPEG, PNG, BMP
            or GIF file; `"bytes"`, the bytes of an array.
    """

    dtype: str
    shape: tuple[int, ...] = ()
    encoding: str = "values"


def read_spec(path: str | os.PathLike[str]) -> tuple[dict[str, Feature], str | None]:
    """Reads what the features of a TFRecord are.

    Args:
        path: A JSON or YAML file: `features`, a mapping of names, each to `dtype`,
            `shape` (of one sample; defaults to a single number, for images to the size
            of the first) and `encoding` (`values` by default, `image` or `bytes`); and
            `label`, the name of the feature that is the label.

    Returns:
        The features, and the name of the label where the file has one.

    Raises:
        DataError: If the file cannot be read or says something else.
    """
    import yaml

    name = os.fspath(path)
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise DataError(
            f"The spec of the features cannot be read: {said}. Received: spec={name!r}"
        ) from error
    features = content.get("features") if isinstance(content, dict) else None
    strange = set(content) - {"features", "label"} if isinstance(content, dict) else ()
    if not isinstance(features, dict) or not features or strange:
        raise DataError(
            "A spec must be a mapping with the keys features, of names to dtype, shape "
            f"and encoding, and label. Received: spec={name!r} with "
            f"{sorted(map(str, content)) if isinstance(content, dict) else content!r}"
        )
    label = content.get("label")
    found = {str(key): _read_feature(key, each, name) for key, each in features.items()}
    return found, None if label is None else str(label)


def read_records(
    paths: Mapping[Part, Sequence[Path]],
    *,
    spec: str | os.PathLike[str] | None,
    label: str | None,
    inputs: Sequence[ModelInput],
) -> Raw:
    """Reads labelled samples from TFRecord files.

    Args:
        paths: The files of each part, or those of `"all"`, compressed by GZIP or not.
        spec: A file as `read_spec` takes it. Defaults to one that stands beside the
            first file to train on, of the same name or called `spec`, `features` or
            `data`.
        label: Name of the feature that is the label. Defaults to that of the spec, else
            to `"label"`.
        inputs: Of the model. Features that are named as its inputs are them, all other
            features but the label are left out; else there must be one feature only.
            Images are brought to its size and channels.

    Returns:
        Arrays.

    Raises:
        DataError: If there is no spec, a file is damaged, or a sample is not as the
            spec says.
    """
    first = (paths["train"] if "train" in paths else paths["all"])[0]
    place = _find_spec(first) if spec is None else Path(spec)
    features, named = read_spec(place)
    label = label or named or "label"
    if label not in features:
        raise DataError(
            f"There is no feature {label!r} for the label. Received: label={label!r}; "
            f"nearest of {str(place)!r}: {', '.join(nearest(label, features))}"
        )
    chosen = _choose(features, label, inputs, place)
    read = {name: features[name] for name in (*chosen, label)}
    images = _Images(read, inputs)
    parts: dict[Part, Any] = {}
    for part, files in paths.items():
        arrays = _read_files(files, read, images)
        y = arrays.pop(label)
        parts[part] = (arrays[chosen[0]] if len(chosen) == 1 else arrays), y
    return Raw(first.name if len(paths) == 1 else first.parent.name, parts)


def _read_feature(key: Any, given: Any, path: str) -> Feature:
    if not isinstance(given, dict) or set(given) - set(_KEYS) or "dtype" not in given:
        raise DataError(
            f"The feature {key!r} must be a mapping with dtype, and with shape and "
            f"encoding where they are needed. Received: spec={path!r} with {given!r}"
        )
    dtype, shape = given["dtype"], given.get("shape", [])
    encoding = given.get("encoding", "values")
    if dtype not in _DTYPES:
        raise DataError(
            f"The dtype of the feature {key!r} must be one of {', '.join(_DTYPES)}. "
            f"Received: spec={path!r} with dtype {dtype!r}"
        )
    if encoding not in _ENCODINGS:
        raise DataError(
            f"The encoding of the feature {key!r} must be one of "
            f"{', '.join(_ENCODINGS)}. Received: spec={path!r} with {encoding!r}"
        )
    sizes = isinstance(shape, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and size > 0
        for size in shape
    )
    if not sizes or (encoding == "image" and len(shape) not in (0, 3)):
        raise DataError(
            f"The shape of the feature {key!r} must be a list of sizes of one sample, "
            "such as [28, 28, 1]; an image has three. "
            f"Received: spec={path!r} with shape {shape!r}"
        )
    if dtype == "string" and (encoding != "values" or shape):
        raise DataError(
            f"The feature {key!r} of text must be one text, with no shape and no "
            f"encoding. Received: spec={path!r} with {given!r}"
        )
    return Feature(dtype, tuple(shape), encoding)


def _find_spec(file: Path) -> Path:
    own = (file.stem, file.name, Path(file.stem).stem)
    for stem in (*own, "spec", "features", "data"):
        for suffix in SPEC_SUFFIXES:
            if (path := file.parent / f"{stem}{suffix}").is_file():
                return path
    raise DataError(
        "A TFRecord needs a spec, a JSON or YAML file that says what its features are: "
        "features: {image: {dtype: uint8, shape: [28, 28, 1]}, label: {dtype: int64}}, "
        f"and label: label. Give it as spec=, or put it at "
        f"{file.with_suffix('.yaml').name!r} beside the file. Received: {str(file)!r}"
    )


def _choose(
    features: Mapping[str, Feature],
    label: str,
    inputs: Sequence[ModelInput],
    spec: Path,
) -> list[str]:
    """Returns the names of the features to learn from."""
    others = [name for name in features if name != label]
    named = [each.name for each in inputs if each.name in others]
    if named and len(named) == len(inputs):
        return named
    if len(others) != 1 and (not others or len(inputs) == 1):
        raise DataError(
            "The spec must name one feature beside the label, or features with the "
            f"names of the model's inputs, {[each.name for each in inputs]}. "
            f"Received: spec={str(spec)!r} with {others}"
        )
    return others


def _read_files(
    files: Sequence[Path], features: Mapping[str, Feature], images: "_Images"
) -> dict[str, np.ndarray]:
    import tensorflow as tf

    rows: dict[str, list[np.ndarray]] = {name: [] for name in features}
    for file in files:
        done = 0
        try:
            compression = _find_compression(file)
            for record in tf.data.TFRecordDataset(str(file), compression):
                example = tf.train.Example.FromString(record.numpy())
                for name, feature in features.items():
                    value = example.features.feature.get(name)
                    rows[name].append(_value(value, feature, name, images))
                done += 1
        except DataError as error:
            raise DataError(f"{error}, record {done} of {str(file)!r}") from error
        except (_UnlikeSpecError, tf.errors.InvalidArgumentError) as error:
            said = str(error).split("\n")[0]
            raise DataError(
                f"Each record must be as the spec says: {said}. "
                f"Received: {str(file)!r}, record {done}"
            ) from error
        except Exception as error:  # whatever a damaged record ends in
            said = " ".join(str(error).split())[:200]
            raise DataError(
                f"The TFRecord is damaged or of another kind: {said}. "
                f"Received: {str(file)!r}, after {done} records"
            ) from error
    if not rows[next(iter(rows))]:
        raise DataError(
            f"A TFRecord must hold samples. Received: {[str(file) for file in files]}"
        )
    return {name: np.stack(values) for name, values in rows.items()}


def _find_compression(path: Path) -> str:
    """Returns how a file is compressed: `"GZIP"`, or `""` where it is not.

    Raises:
        ValueError: If the file ends in a record, which TensorFlow would leave out.
    """
    with open(path, "rb") as file:
        if _is_whole(file):
            return ""
        file.seek(0)
        if file.read(len(_GZIP)) == _GZIP:
            with gzip.open(path) as content:
                if _is_whole(content):
                    return "GZIP"
    raise ValueError("it ends in the middle of a record")


def _is_whole(file: Any) -> bool:
    """Whether a file ends with a record.

    A record is its length in 8 bytes, 4 bytes of checksum, its content, and 4 again
    (https://www.tensorflow.org/tutorials/load_data/tfrecord).
    """
    while start := file.read(12):
        rest = int.from_bytes(start[:8], "little") + 4
        try:
            file.seek(rest - 1, os.SEEK_CUR)
        except (OSError, OverflowError):
            return False
        if not file.read(1):
            return False
    return True


class _Images:
    """Brings the images of features to the size and channels that are wanted."""

    def __init__(
        self, features: Mapping[str, Feature], inputs: Sequence[ModelInput]
    ) -> None:
        self._features = features
        self._inputs = inputs
        self._loaders: dict[str, ImageLoader] = {}

    def fit(self, content: bytes, name: str) -> np.ndarray:
        """Returns the pixels of an image of the feature with this name."""
        if name not in self._loaders:
            self._loaders[name] = ImageLoader.for_inputs(
                self._wanted(name), content, repr(name)
            )
        return self._loaders[name].fit(content, repr(name))

    def _wanted(self, name: str) -> Sequence[ModelInput]:
        """Returns the model's input that a feature is for, else what the spec says."""
        if self._inputs:
            return [each for each in self._inputs if each.name == name] or self._inputs
        feature = self._features[name]
        shape = (None, *(feature.shape or (None, None, None)))
        return [ModelInput(name, shape, np.dtype(feature.dtype))]


class _UnlikeSpecError(Exception):
    """A record is not as the spec says."""


def _value(value: Any, feature: Feature, name: str, images: _Images) -> np.ndarray:
    kind = None if value is None else value.WhichOneof("kind")
    if kind is None:
        raise _UnlikeSpecError(f"there is no {name!r}")
    items = getattr(value, kind).value
    if feature.dtype == "string" or feature.encoding != "values":
        if kind != "bytes_list" or len(items) != 1:
            raise _UnlikeSpecError(f"{name!r} is no single text or file, but {kind}")
        content = items[0]
        if feature.dtype == "string":
            return np.array(content.decode("utf-8", errors="replace"))
        if feature.encoding == "image":
            return images.fit(content, name)
        size = np.dtype(feature.dtype).itemsize
        if len(content) % size:
            raise _UnlikeSpecError(f"{name!r} has {len(content)} bytes")
        array = np.frombuffer(content, feature.dtype)
    elif kind == "bytes_list":
        raise _UnlikeSpecError(
            f"{name!r} holds bytes; say encoding: image or bytes, or dtype: string"
        )
    else:
        array = np.array(items).astype(feature.dtype)
    if array.size != int(np.prod(feature.shape)):
        raise _UnlikeSpecError(
            f"{name!r} is of shape {array.shape} and not {feature.shape}"
        )
    return array.reshape(feature.shape)
