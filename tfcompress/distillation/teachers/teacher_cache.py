"""The folder that holds what a teacher says: a manifest, and shards of records."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfcompress import files
from tfcompress.distillation.teachers.target_records import TargetRecords
from tfcompress.errors import OutputError

FORMAT = 1
MANIFEST = "manifest.json"


class TeacherCache:
    """Records of samples, found by their fingerprints.

    A shard is two files: `shard-00000.npy`, an array of records that is read by memory
    map, and `shard-00000.ids.npy`, their fingerprints, which alone are loaded. The
    latter is written last, so that a shard that has it is complete.

    Args:
        directory: A folder with a manifest.

    Raises:
        OutputError: If there is no manifest, or a file is damaged or of another format.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.manifest = read_manifest(directory)
        self.records = records_of(self.manifest)
        self._shards: list[Any] = []
        self._ids: list[Any] = []
        self._next = 0
        for path in sorted(directory.glob("shard-*.ids.npy")):
            self._open(path)
        self._index()

    @classmethod
    def create(cls, directory: Path, manifest: Mapping[str, Any]) -> "TeacherCache":
        """Makes an empty cache in a folder that is new or empty.

        Raises:
            OutputError: If the folder holds something else, or cannot be written.
        """
        holds_cache(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot make the folder {directory}: {error.strerror}. Choose one "
                "that can be written to."
            ) from error
        write_manifest(directory, {**manifest, "format": FORMAT, "samples": None})
        return cls(directory)

    def __len__(self) -> int:
        return len(self._sorted)

    @property
    def ids(self) -> Any:
        """The fingerprints of all samples, an int64 array in rising order."""
        return self._sorted

    def find(self, ids: Any) -> Any:
        """Returns the place of each sample, an int64 array; -1 if it is not here."""
        if not len(self):
            return np.full(len(ids), -1)
        near = np.minimum(np.searchsorted(self._sorted, ids), len(self) - 1)
        return np.where(self._sorted[near] == ids, self._places[near], -1)

    def column(self, name: str, places: Any) -> Any:
        """Returns one field of the samples at these places."""
        dtype = self.records.dtype[name]
        values = np.empty((len(places), *dtype.shape), dtype.base)
        shard = np.searchsorted(self._starts, places, side="right") - 1
        for number in np.unique(shard):
            here = shard == number
            values[here] = self._shards[number][name][
                places[here] - self._starts[number]
            ]
        return values

    def tensor(self, i: int, places: Any) -> Any:
        """Returns one tensor of the samples at these places, as float32."""
        names = self.records.fields(i)
        return self.records.decode(i, [self.column(name, places) for name in names])

    def rows(self, places: Any) -> Any:
        """Returns the records of the samples at these places."""
        records = np.empty(len(places), self.records.dtype)
        for name in self.records.dtype.names or ():
            records[name] = self.column(name, places)
        return records

    def write(self, ids: Any, records: Any) -> None:
        """Writes a shard.

        Raises:
            OutputError: If it cannot be written.
        """
        path = self.directory / f"shard-{self._next:05d}.ids.npy"
        for target, array in ((_records_path(path), records), (path, ids)):
            with files.replacing(target) as temporary:
                np.save(temporary, array)
        self._open(path)
        self._index()

    def finish(self) -> None:
        """Notes that all samples are stored, and removes what a kill left behind."""
        for path in self.directory.glob(".shard-*.npy"):
            path.unlink(missing_ok=True)
        self.manifest["samples"] = len(self)
        write_manifest(self.directory, self.manifest)

    def _open(self, path: Path) -> None:
        ids = _load(path)
        records = _load(_records_path(path), mmap_mode="r")
        if (
            ids.dtype != np.int64
            or records.dtype != self.records.dtype
            or len(ids) != len(records)
        ):
            raise _damaged(path, "its contents do not fit the manifest")
        self._ids.append(ids)
        self._shards.append(records.view(np.ndarray))
        self._next = int(path.name.split(".")[0].split("-")[1]) + 1

    def _index(self) -> None:
        lengths = [len(ids) for ids in self._ids]
        self._starts = np.cumsum([0, *lengths])[:-1]
        ids = np.concatenate([np.empty(0, np.int64), *self._ids])
        self._places = np.argsort(ids)
        self._sorted = ids[self._places]


def records_of(manifest: Mapping[str, Any]) -> TargetRecords:
    """Returns the form of the records of a cache.

    Raises:
        ArgumentError: If its `top_k` is not less than the number of classes.
    """
    return TargetRecords(
        manifest["shapes"],
        logits=manifest["logits"],
        dtype=manifest["dtype"],
        top_k=manifest["top_k"],
    )


def read_manifest(directory: Path) -> dict[str, Any]:
    """Returns what a cache says of itself.

    Raises:
        OutputError: If there is no cache, or its manifest is damaged or of a newer
            format.
    """
    path = directory / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        found = manifest["format"]
    except FileNotFoundError as error:
        raise OutputError(
            "Expected a folder that cache_teacher wrote, with a manifest.json. "
            f"Received: directory={str(directory)!r}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"The manifest of the cached teacher cannot be read; delete the folder and "
            f"cache the teacher again. Received: {path}: {error}"
        ) from error
    if found != FORMAT:
        raise OutputError(
            f"Expected a cached teacher of format {FORMAT}; cache the teacher again "
            f"with this version of tfcompress. Received: {path} of format {found}"
        )
    return manifest


def write_manifest(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Writes what a cache says of itself.

    Raises:
        OutputError: If it cannot be written.
    """
    files.write_atomically(directory / MANIFEST, json.dumps(manifest, indent=2))


def holds_cache(directory: Path) -> bool:
    """Returns whether there is a cache, complete or begun.

    Raises:
        OutputError: If there is something else.
    """
    if (directory / MANIFEST).exists():
        return True
    if directory.is_dir():
        others = [path.name for path in directory.iterdir() if path.name[0] != "."]
    else:
        others = [directory.name] if directory.exists() else []
    if others:
        raise OutputError(
            "A teacher is cached in a folder that is new or empty, or in one where "
            f"it was begun. Received: directory={str(directory)!r}, which holds "
            f"{sorted(others)[:3]}"
        )
    return False


def _records_path(path: Path) -> Path:
    return path.with_name(path.name.replace(".ids.npy", ".npy"))


def _load(path: Path, **kwargs: Any) -> Any:
    try:
        return np.load(path, allow_pickle=False, **kwargs)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, reason: str) -> OutputError:
    shard = path.name.split(".")[0]
    return OutputError(
        f"A shard of the cached teacher is damaged. Delete {shard}.npy and "
        f"{shard}.ids.npy and call cache_teacher again, which makes it anew. "
        f"Received: {path}: {reason}"
    )
