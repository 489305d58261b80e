"""The folder of a run: one process at a time, each stage whole or not there."""

import contextlib
import errno
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import filelock

from tfcompress import __version__
from tfcompress.errors import OutputError
from tfcompress.pipeline.stage_record import StageRecord, read_record, write_record

FORMAT = 1
RUN = "run.json"
_LOCK = ".lock"
_HOLDER = ".lock.json"
_WORK = ".work"
_VERSIONS = {"format": FORMAT, "tfcompress": __version__}


class RunFolder:
    """The folder of a run, for one process at a time.

    A finished stage stands in `NN-name/`, with its `stage.json`. The stage at work is
    made in `.work/`, and gets its name when it is whole; the state after its last full
    epoch is there too. Entering refuses a folder that is no run, or of a run that
    another process works on, before anything is written. Where an error ends what made
    the folder before any stage is done, the folder goes.

    Args:
        path: The folder. It is made by `create` if it is missing.

    Raises:
        OutputError: On entering, if the folder cannot be used.

    Example:
    ```python
    with RunFolder("run") as folder:
        folder.create()
        with folder.making(1, "distil", record.key) as (path, land):
            model.save(path / "model.keras")
            land(record)
    ```
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = filelock.FileLock(self.path / _LOCK)
        self._is_new = False

    def __enter__(self) -> Self:
        with telling(self.path):
            if self._is_run():
                self._acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if self._lock.is_locked:
            (self.path / _HOLDER).unlink(missing_ok=True)
            if kind is not None and self._is_new and self._is_bare():
                shutil.rmtree(self.path)
            self._lock.release()

    def check(self) -> None:
        """Raises an error unless the folder can be used, or made.

        It says nothing of another process, and writes nothing.

        Raises:
            OutputError: If the folder holds something else, or cannot be written to.
        """
        with telling(self.path):
            self._is_run()
            there = self.path.absolute()
            while not there.exists():
                there = there.parent
            if not there.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if not os.access(there, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def create(self) -> None:
        """Makes the folder, if it is missing, and keeps other processes out of it.

        Raises:
            OutputError: If it cannot be made, or another process was faster.
        """
        with telling(self.path):
            self._is_new = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            if not self._lock.is_locked:
                self._acquire()
            if not self._is_run():
                text = json.dumps(_VERSIONS)
                self._work.mkdir(exist_ok=True)
                (self._work / RUN).write_text(text + "\n", "utf-8")
                os.replace(self._work / RUN, self.path / RUN)

    def find(self, number: int, name: str, key: str) -> StageRecord | None:
        """Returns the record of a stage that is done, or None.

        One that was killed after its last file was written gets its name here, and one
        that stood in another place of an earlier pipeline gets this place.

        Args:
            number: Place of the stage in the pipeline, from 1.
            name: Of the stage.
            key: What tells it, on its inputs, from every other.

        Returns:
            Its record, or None where it is not done, or damaged.

        Raises:
            OutputError: If the folder cannot be read, or the stage not be moved.
        """
        with telling(self.path):
            place = self.place(number, name)
            folders = [place, self._making(key), *sorted(self.path.glob("[0-9]*-*/"))]
            for folder in folders:
                record = read_record(folder)
                if record is not None and record.key == key:
                    if folder != place:
                        self._land(folder, place)
                    return record
        return None

    def place(self, number: int, name: str) -> Path:
        """Returns the folder of a stage, finished or not.

        Args:
            number: Place of the stage in the pipeline, from 1.
            name: Of the stage.

        Returns:
            Its path, such as `run/01-distil`.
        """
        return self.path / f"{number:02d}-{name}"

    def backup(self, key: str) -> Path:
        """Returns where the state of a stage at work is kept, from epoch to epoch.

        Args:
            key: What tells the stage, on its inputs, from every other.

        Returns:
            The path of the file, which need not be there.
        """
        return self._work / f"{key}.npz"

    @contextlib.contextmanager
    def making(
        self, number: int, name: str, key: str
    ) -> Iterator[tuple[Path, Callable[[StageRecord], None]]]:
        """Gives a folder to make a stage in, and a function that gives it its name.

        What an earlier stage at work left is removed, but for the state of this one.

        Args:
            number: Place of the stage in the pipeline, from 1.
            name: Of the stage.
            key: What tells it, on its inputs, from every other.

        Yields:
            The empty folder, and a function that takes the record of the stage when all
            its files are written. When the block ends without a call, nothing is left.

        Raises:
            OutputError: If the folder cannot be written.
        """
        folder = self._making(key)
        with telling(self.path):
            self._sweep(keep=(f"{key}.npz", f"{key}.teacher"))
            folder.mkdir(parents=True)

        def land(record: StageRecord) -> None:
            with telling(self.path):
                write_record(folder, record)
                self._land(folder, self.place(number, name))
                self._sweep(keep=())

        try:
            yield folder, land
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> None:
        """Removes what killed stages left, when all of them are done.

        Raises:
            OutputError: If that cannot be removed.
        """
        with telling(self.path):
            self._sweep(keep=())

    @property
    def _work(self) -> Path:
        return self.path / _WORK

    def _making(self, key: str) -> Path:
        return self._work / key

    def _land(self, folder: Path, place: Path) -> None:
        """Gives a whole folder its name; what stood there before is removed."""
        if place.exists():
            self._work.mkdir(exist_ok=True)
            stale = self._work / f"stale-{place.name}"
            shutil.rmtree(stale, ignore_errors=True)
            os.rename(place, stale)
        os.rename(folder, place)

    def _is_bare(self) -> bool:
        """Whether there is no stage, and no state of one."""
        present = {path.name for path in self.path.rglob("*")}
        return present <= {RUN, _LOCK, _WORK}

    def _sweep(self, keep: tuple[str, ...]) -> None:
        """Removes what is at work, but for some."""
        for path in self._work.glob("*") if self._work.exists() else ():
            if path.name in keep:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _is_run(self) -> bool:
        """Whether the folder holds a run, and not nothing.

        Raises:
            OutputError: If it holds something else.
        """
        if not self.path.exists():
            return False
        if not self.path.is_dir():
            raise OutputError(
                "directory must be a folder, or a name where nothing is. "
                f"Received: directory={str(self.path)!r}, which is a file"
            )
        present = {path.name for path in self.path.iterdir()}
        if RUN not in present:
            if present - {_LOCK, _HOLDER, _WORK}:
                raise OutputError(
                    "directory must be empty, missing, or the folder of an earlier "
                    "run; choose another. Received: "
                    f"directory={str(self.path)!r}, which holds {min(present)!r}"
                )
            return False
        found = _read(self.path / RUN)
        if {name: found.get(name) for name in _VERSIONS} != _VERSIONS:
            raise OutputError(
                "The folder is of another version of tfcompress; choose another, or "
                "go on with that version. Expected: tfcompress "
                f"{__version__} and format {FORMAT}. "
                f"Received: directory={str(self.path)!r} of tfcompress "
                f"{found.get('tfcompress', 'unknown')} and format "
                f"{found.get('format', 'unknown')}"
            )
        return True

    def _acquire(self) -> None:
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout as error:
            holder = _read(self.path / _HOLDER)
            raise OutputError(
                "Another process works in the folder: process "
                f"{holder.get('pid', 'of unknown number')} on "
                f"{holder.get('host', 'an unknown machine')}. Wait until it is done, "
                f"or choose another folder. Received: directory={str(self.path)!r}"
            ) from error
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        (self.path / _HOLDER).write_text(text + "\n", "utf-8")


def _read(path: Path) -> dict[str, Any]:
    """Reads a small JSON file; empty where it is damaged or missing."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def telling(path: Path) -> Iterator[None]:
    """Says what to do where the disk is full or the folder cannot be written.

    Args:
        path: The folder of the run.

    Yields:
        Nothing.

    Raises:
        OutputError: Instead of an `OSError` of the block.

    Example:
    ```python
    with telling(Path("run")):
        Path("run").mkdir(exist_ok=True)
    ```
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"Cannot write to the folder {path}: {error.strerror or error}. Choose one "
            "that can be written to, on a disk with space left. "
            f"Received: directory={str(path)!r}"
        ) from error
