"""Files written whole or not at all."""

import contextlib
import functools
import itertools
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfcompress.errors import OutputError


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Writes a file under a temporary name and renames it when it is complete.

    A reader never sees half a file, and what stood under the name before stays
    as it was if writing fails.

    Args:
        path: Where to write. Its folder must exist.
        content: Bytes, or text that is written as UTF-8.

    Raises:
        OutputError: If the folder is missing or read-only, or the disk is full.

    Example:
    ```python
    write_atomically("results.json", "{}")
    ```
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a temporary path beside `path`, renamed to it when the block ends well.

    For writers that take a path, such as `model.save`. The temporary name keeps the
    suffix of `path`. When the block raises, the temporary file is removed. Where `path`
    is a symbolic link, the file that it points to is replaced.

    Args:
        path: Where the file shall stand in the end. Its folder must exist.

    Yields:
        The temporary path, to be written by the block.

    Raises:
        OutputError: If the folder is missing or read-only, or the disk is full.

    Example:
    ```python
    with replacing("model.keras") as temporary:
        model.save(temporary)
    ```
    """
    target = Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)
    if target.is_dir():
        raise OutputError(f"Expected the name of a file. Received: the folder {target}")
    temporary = None
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}.", suffix=Path(path).suffix, dir=target.parent
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"Cannot write {target}: {error.strerror or error}. Choose a folder that "
            "exists, can be written to and has space left."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Gives an empty folder that is removed when the block ends.

    Yields:
        The folder.

    Raises:
        OutputError: If it cannot be made, or the block fails to write into it.

    Example:
    ```python
    with temporary_folder() as folder:
        (folder / "notes.txt").write_text("three")
    ```
    """
    try:
        with tempfile.TemporaryDirectory(prefix="tfcompress-") as name:
            yield Path(name)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"Cannot write a temporary folder in {tempfile.gettempdir()}: {error}. "
            "Make space there, or set TMPDIR to a folder with space left."
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def temporary_path(name: str) -> Path:
    """Returns a path for a file that is kept until the process ends.

    Args:
        name: What the file is called, in a folder of its own. What may not stand in the
            name of a file becomes an underscore.

    Example:
    ```python
    path = temporary_path("small.tflite")
    ```
    """
    folder = Path(_temporary_folder().name) / str(next(_numbers))
    folder.mkdir()
    return folder / re.sub(r"[^A-Za-z0-9._-]", "_", name)


_numbers = itertools.count(1)


@functools.cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tfcompress-")
