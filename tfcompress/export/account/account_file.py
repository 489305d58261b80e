"""The account of a `.tflite` file, as JSON beside it."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfcompress.errors import ModelError, OutputError
from tfcompress.export.account.plain_data import encode
from tfcompress.files import replacing, write_atomically

_FORMAT = "tfcompress.export.Artifact"


def account_path(path: str | os.PathLike[str]) -> Path:
    """Returns where the account of a file stands: its name with `.json` behind it."""
    return Path(f"{os.fspath(path)}.json")


def check_account_path(path: str | os.PathLike[str]) -> None:
    """Raises an error if the account of a file would replace a file of another kind.

    Raises:
        OutputError: If it would.
    """
    account = account_path(path)
    if account.exists() and _parse(account) is None:
        raise OutputError(
            "The account of the file would replace what is no such account; move it, "
            f"or choose another name for the file. Received: {str(account)!r}"
        )


def digest(content: bytes) -> str:
    """Returns the SHA-256 of the bytes of a file, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def replacing_with_account(path: Path) -> Iterator[tuple[Path, Callable[[Any], None]]]:
    """Writes a file and its account, both or neither.

    Args:
        path: Where the file shall stand.

    Yields:
        A temporary path for the file, and a function that takes its account, a
        dataclass or plain data. When the block ends well both get their names; when it
        raises, or one of them cannot have its name, what stood there before stays.

    Raises:
        OutputError: If a file cannot be written.
    """
    account = account_path(path)
    check_account_path(path)
    with (
        _restoring(account),
        replacing(path) as temporary,
        replacing(account) as beside,
    ):
        yield temporary, lambda value: _write(beside, {**encode(value)}, path.name)


def read_account(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the account of a file, as plain data.

    Raises:
        ModelError: If the file or its account is not there, if the account is damaged,
            or if the file has changed since.
    """
    account = account_path(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(
            "Expected the path of a .tflite file that can be read. "
            f"Received: path={str(path)!r} ({error.strerror})"
        ) from error
    found = _parse(account)
    if found is None:
        raise ModelError(
            "Expected the account of the file beside it, as tfcompress.export writes "
            f"it; export the model again. Received: {str(account)!r}, which is "
            + ("damaged or of another kind" if account.exists() else "not there")
        )
    if found["sha256"] != digest(content):
        raise ModelError(
            "The file has changed since its account was written; export the model "
            f"again. Received: path={str(path)!r}"
        )
    return found


def _write(temporary: Path, account: dict[str, Any], name: str) -> None:
    text = json.dumps({**account, "format": _FORMAT, "path": name}, indent=2)
    temporary.write_text(text + "\n", "utf-8")


def _parse(account: Path) -> dict[str, Any] | None:
    """Returns the account, or None for anything else."""
    try:
        found = json.loads(account.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(found, dict) and found.get("format") == _FORMAT
    return found if ours and "sha256" in found else None


@contextlib.contextmanager
def _restoring(path: Path) -> Iterator[None]:
    """Puts a small file back as it was when the block raises."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        after = path.read_bytes() if path.exists() else None
        if before is None:
            path.unlink(missing_ok=True)
        elif after != before:
            write_atomically(path, before)
        raise
