"""Measurements kept in a file, so that a search goes on where it was interrupted."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress.errors import ArgumentError, OutputError

_KEYS = {"fingerprint", "name", "ratio", "quality"}


class MeasurementCache:
    """A file of JSON lines, one for each measurement.

    Each line tells by a fingerprint what was measured, so one file may hold the
    measurements of several models; those of others are not used. A line that is
    damaged, such as the last one when the machine went off, is not used either.

    Args:
        path: The file; made when the first measurement is added. None keeps
            measurements in memory alone.
        fingerprint: What tells model, data and way of measuring from others.

    Raises:
        ArgumentError: If the file holds something else.
        OutputError: If the folder is missing, or the file cannot be read or written.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, fingerprint: Mapping[str, str]
    ) -> None:
        self._path = None if path is None else Path(path)
        self._fingerprint = dict(fingerprint)
        self._known: dict[tuple[str, float], float] = {}
        self._ends_whole = True
        if self._path is not None:
            self._read(self._path)

    def get(self, name: str, ratio: float) -> float | None:
        """Returns what was measured, or None."""
        return self._known.get((name, ratio))

    def add(self, name: str, ratio: float, quality: float) -> None:
        """Adds a measurement, in the file too before it returns.

        Raises:
            OutputError: If the file cannot be written.
        """
        self._known[name, ratio] = quality
        if self._path is None:
            return
        line = json.dumps(
            {
                "fingerprint": self._fingerprint,
                "name": name,
                "ratio": ratio,
                "quality": quality,
            }
        )
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n" if self._ends_whole else f"\n{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(
                f"Cannot write {self._path}: {error.strerror or error}"
            ) from error
        self._ends_whole = True

    def _read(self, path: Path) -> None:
        if not path.parent.is_dir() or path.is_dir():
            raise OutputError(
                "Expected the name of a file in a folder that exists. "
                f"Received: cache={os.fspath(path)!r}"
            )
        try:
            text = path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
        except OSError as error:
            raise OutputError(
                f"Cannot read {path}: {error.strerror or error}"
            ) from error
        entries = [entry for line in text.splitlines() if (entry := _entry(line))]
        if text.strip() and not entries:
            raise ArgumentError(
                "The file holds no measurements; give a path where none is, or that "
                f"of a cache. Received: cache={os.fspath(path)!r}"
            )
        self._ends_whole = not text or text.endswith("\n")
        for entry in entries:
            if entry["fingerprint"] == self._fingerprint:
                self._known[entry["name"], entry["ratio"]] = entry["quality"]


def _entry(line: str) -> dict[str, Any] | None:
    """Returns the measurement that a line holds, or None if it holds none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        return None
    numbers = (entry["ratio"], entry["quality"])
    if not all(isinstance(n, float | int) and math.isfinite(n) for n in numbers):
        return None
    return entry if isinstance(entry["name"], str) else None
