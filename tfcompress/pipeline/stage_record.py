"""What stands in the folder of a finished stage, so that it need not be done again."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress.errors import OutputError
from tfcompress.export.account.plain_data import decode, encode

RECORD = "stage.json"
_BLOCK = 1 << 20


@dataclasses.dataclass(frozen=True)
class StageRecord:
    """What a finished stage was made from, and what it left.

    Attributes:
        key: What tells this stage, on these inputs, from every other.
        name: Of the stage.
        kind: Of the stage.
        config: Its fields as plain data, without models.
        inputs: Fingerprints of what it was made from, by name.
        history: Its figures after each epoch by name.
        account: What was done to which layer and what was not, and why.
        seconds: How long it took.
        model: Fingerprint of the model that it left, or None where it left none.
        versions: Versions of the packages that took part, by name.
        files: Fingerprints of the files in its folder, by their names.
        validation: Fingerprint of the data of the figures whose names begin with
            `val_`, or None where it did not train. Where it says when to stop, by
            `patience`, it is among the inputs too; else the model does not depend on
            it.

    Example:
    ```python
    from tfcompress.pipeline.stage_record import StageRecord

    record = StageRecord("0f3a", "small", "export", {"target": "gpu"}, {"model": "7c"})
    assert record.seconds == 0
    ```
    """

    key: str
    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    history: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    account: str = ""
    seconds: float = 0.0
    model: str | None = None
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    validation: str | None = None


def write_record(folder: Path, record: StageRecord) -> None:
    """Writes the record of a stage into its folder, as the last of its files.

    All files are on the disk when it returns, so that a folder with a record is whole
    even after the power went off.

    Args:
        folder: The folder, with all other files of the stage in it.
        record: What to write; `files` is filled in.

    Raises:
        OSError: If the folder cannot be written.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.pipeline.stage_record import StageRecord, write_record

    Path("01-export").mkdir()
    write_record(Path("01-export"), StageRecord("0f3a", "export", "export", {}, {}))
    ```
    """
    files = {}
    for path in sorted(folder.iterdir()):
        files[path.name] = _digest(path)
        _settle(path)
    whole = encode(dataclasses.replace(record, files=files))
    path = folder / RECORD
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
    _settle(path)
    _settle(folder)


def read_record(folder: Path) -> StageRecord | None:
    """Reads the record of a stage, and checks the files that it names.

    Args:
        folder: The folder of the stage.

    Returns:
        The record; None where it is damaged or missing, or where one of the files is
        not as the stage left it.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.pipeline.stage_record import read_record

    assert read_record(Path("nowhere")) is None
    ```
    """
    try:
        text = (folder / RECORD).read_text("utf-8")
        record: StageRecord = decode(StageRecord, json.loads(text))
        whole = all(_digest(folder / n) == code for n, code in record.files.items())
    except (OSError, ValueError, TypeError):
        return None
    return record if whole else None


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _settle(path: Path) -> None:
    """Has the disk write what the system still holds of a file or folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_shared_record(folder: Path) -> StageRecord:
    """Reads what the chief of several workers wrote, in another of them.

    Args:
        folder: The folder of a stage that the chief has done.

    Returns:
        The record.

    Raises:
        OutputError: If this worker does not see it.

    Example:
    ```python
    from pathlib import Path

    from tfcompress.pipeline.stage_record import read_shared_record, write_record

    done = StageRecord("0f3a", "export", "export", {}, {"model": "7c"})
    write_record(Path("."), done)
    assert read_shared_record(Path(".")).key == "0f3a"
    ```
    """
    record = read_record(folder)
    if record is None:
        raise OutputError(
            "All workers must see one directory, such as on a shared disk. "
            f"Received: no finished stage in {str(folder)!r}, which the chief has done"
        )
    return record
