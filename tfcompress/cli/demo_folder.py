"""The folder that a demonstration leaves."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tfcompress.errors import OutputError
from tfcompress.files import write_atomically
from tfcompress.pipeline.run_folder import RunFolder

RESULTS = "results.json"


class DemoFolder:
    """A folder with the files of a demonstration, and its runs in a folder `stages`.

    One that was stopped goes on. What is finished, or anything else, is refused.

    Args:
        path: The folder. It is made if it is missing.
        runs: Names of the runs.
        overwrite: Whether to start anew in a folder that holds something: its runs and
            its `results.json`, which marks a finished demonstration, are removed, and
            files of the same names are replaced in the end. Defaults to False.

    Raises:
        OutputError: If the folder cannot be used.

    Example:
    ```python
    folder = DemoFolder("demo", runs=("alone", "taught"))
    folder.write("results.json", "{}")
    ```
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        runs: Sequence[str],
        overwrite: bool = False,
    ):
        self.path = Path(path)
        self._runs = {name: self.path / "stages" / name for name in runs}
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
        if occupied and not overwrite and not self._was_stopped():
            raise OutputError(
                f"The folder {self.path} is not empty; it may hold an earlier run. "
                "Choose another folder, or replace its files with overwrite=True "
                "(--overwrite)."
            )
        if overwrite:
            self._clear()

    def run(self, name: str) -> Path:
        """Returns the folder of a run."""
        return self._runs[name]

    def write(self, name: str, content: bytes | str) -> Path:
        """Writes a file whole, and returns its path.

        Raises:
            OutputError: If the disk is full or the folder is gone.
        """
        write_atomically(self.path / name, content)
        return self.path / name

    def _was_stopped(self) -> bool:
        """Whether there are runs of ours, without the results in the end."""
        if (self.path / RESULTS).exists():
            return False
        return any((run / "run.json").exists() for run in self._runs.values())

    def _clear(self) -> None:
        """Removes the runs, unless another process works on them, and the results."""
        for run in self._runs.values():
            if run.exists():
                with RunFolder(run):
                    shutil.rmtree(run)
        with contextlib.suppress(FileNotFoundError):
            (self.path / RESULTS).unlink()
