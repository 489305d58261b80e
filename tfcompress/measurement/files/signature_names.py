"""The signatures of a `.tflite` file, by name."""

import os

from tfcompress.measurement.files.file import read_tflite
from tfcompress.measurement.files.structure import parse_tflite


def signature_names(path: str | os.PathLike[str]) -> tuple[str | None, ...]:
    """Lists the signatures that have to be named to be run.

    Args:
        path: The `.tflite` file.

    Returns:
        The names of all, in the order of their graphs, if the file has several; None
        alone if it has one or none, which needs no name.

    Raises:
        ModelError: If there is no such file, or if it is damaged.

    Example:
    ```python
    from tfcompress.measurement.files.signature_names import signature_names

    signature_names("small.tflite")  # (None,)
    ```
    """
    signatures = parse_tflite(read_tflite(path), path).signatureDefs or []
    if len(signatures) < 2:
        return (None,)
    ordered = sorted(signatures, key=lambda signature: signature.subgraphIndex)
    return tuple(one.signatureKey.decode("utf-8", "replace") for one in ordered)
