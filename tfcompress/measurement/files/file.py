"""The bytes of a `.tflite` file, checked."""

import os

from ai_edge_litert.interpreter import Interpreter

from tfcompress.errors import ModelError
from tfcompress.measurement.files.structure import parse_tflite
from tfcompress.measurement.files.subject import file_path

_KIND = b"TFL3"  # stands behind the first offset of every file
_KERAS_STARTS = (b"PK", b"\x89HDF")  # of .keras, an archive, and .h5


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
        ArgumentError: If `path` is none.

    Example:
    ```python
    content = read_tflite("small.tflite")
    ```
    """
    file = file_path(path)
    name = str(file)
    try:
        content = file.read_bytes()
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
    if content[4:8] != _KIND:
        raise _unknown(name, content)
    parse_tflite(content, name)  # before LiteRT reads it, which believes what it reads
    try:
        Interpreter(model_content=content)
    except ValueError as error:
        if "Flatbuffer" in str(error):
            raise _unknown(name, content) from error
    return content


def _unknown(name: str, content: bytes) -> ModelError:
    if content.startswith(_KERAS_STARTS):
        return ModelError(
            "Expected a .tflite file. This one seems to be of Keras; load it, and "
            f"write it with tfcompress.export.to_tflite. Received: path={name!r}"
        )
    return ModelError(
        "Expected a .tflite file. This one is damaged or of another kind; write it "
        f"again. Received: path={name!r}"
    )
