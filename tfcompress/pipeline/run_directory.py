"""The folder that a run leaves behind."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfcompress.errors import OutputError
from tfcompress.files import replacing, write_atomically

RESULTS = "results.json"


class RunDirectory:
    """A folder for one run, refused where it holds anything already.

    Args:
        path: The folder. It is made if it is missing.
        overwrite: Whether a folder that holds something may be written to. Its files of
            the same names are replaced, its `results.json`, which marks a finished run,
            is removed at once. Defaults to False.

    Raises:
        OutputError: If the folder holds anything already and `overwrite` is False, is a
            file, or cannot be written to.

    Example:
    ```python
    directory = RunDirectory("run")
    directory.write("results.json", "{}")
    ```
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False):
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(
                f"Expected a folder for the output. Received: the file {self.path}"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            occupied = any(self.path.iterdir())
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise OutputError(
                f"Cannot write to the folder {self.path}: {error.strerror or error}. "
                "Choose one that can be written to, on a disk with space left."
            ) from error
        if occupied and not overwrite:
            raise OutputError(
                f"The folder {self.path} is not empty; it may hold an earlier run. "
                "Choose another folder, or replace its files with overwrite=True "
                "(--overwrite)."
            )
        if occupied:
            with contextlib.suppress(FileNotFoundError):
                (self.path / RESULTS).unlink()

    def write(self, name: str, content: bytes | str) -> Path:
        """Writes a file of the run whole, and returns its path.

        Raises:
            OutputError: If the disk is full or the folder is gone.
        """
        write_atomically(self.path / name, content)
        return self.path / name

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Gives a temporary path that becomes a file of the run when the block ends.

        Raises:
            OutputError: If the disk is full or the folder is gone.
        """
        with replacing(self.path / name) as temporary:
            yield temporary
