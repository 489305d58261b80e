"""How large a file is."""

import dataclasses
import gzip
import os

from tfcompress.measurement.files.file import read_tflite


@dataclasses.dataclass(frozen=True)
class Size:
    """Size of a file.

    Attributes:
        bytes: Bytes on the disk of a device.
        gzip_bytes: Bytes after gzip, which is what an app download carries.
    """

    bytes: int
    gzip_bytes: int


def size(path: str | os.PathLike[str]) -> Size:
    """Measures a `.tflite` file, as it is and after gzip.

    Zeros and clusters of equal weights do not make a file smaller by themselves;
    compression, as app stores apply it, does.

    Args:
        path: The `.tflite` file.

    Returns:
        The `Size`. Compression is gzip at level 9 without a time stamp, so that equal
        files have equal sizes.

    Raises:
        ModelError: If there is no such file, or if it is no `.tflite` file.

    Example:
    ```python
    tfc.measurement.size("small.tflite").gzip_bytes
    ```
    """
    content = read_tflite(path)
    packed = gzip.compress(content, compresslevel=9, mtime=0)
    return Size(bytes=len(content), gzip_bytes=len(packed))
