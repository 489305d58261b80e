"""The bytes of a `.tflite` file, checked."""

import os
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

from tfcompress.errors import ModelError


def read_tflite(path: str | os.PathLike[str]) -> bytes:
    """Reads a `.tflite` file and checks that it is one, and whole.

    Whether LiteRT has all the operations in it is not checked; `LiteRTModel` does.

    Args:
        path: The `.tflite` file.

    Returns:
        Its bytes.

    Raises:
        ModelError: If there is no such file, if it cannot be read, or if it is empty,
            truncated or of another kind.

    Example:
    ```python
    content = read_tflite("small.tflite")
    ```
    """
    name = str(Path(path))
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(
            "Expected the path of a .tflite file that can be read. "
            f"Received: path={name!r} ({error.strerror})"
        ) from error
    if not content:
        raise ModelError(
            "Expected a .tflite file; write it again. "
            f"Received: path={name!r}, which is empty"
        )
    try:
        Interpreter(model_content=content)
    except ValueError as error:
        if "Flatbuffer" in str(error):
            raise ModelError(
                "Expected a .tflite file. This one is damaged or of another kind; "
                f"write it again. Received: path={name!r}"
            ) from error
    return content
