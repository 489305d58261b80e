"""The stage that writes the file."""

import dataclasses
from typing import ClassVar

from tfcompress.pipeline.stages.stage import Stage


@dataclasses.dataclass(frozen=True, kw_only=True)
class Export(Stage):
    """Writes the `.tflite` file for a device, and checks it.

    Attributes:
        target: Name of a target, or path of a TOML file that describes one. Defaults to
            `"cpu_int8"`.
        scheme: One of `quantization.post_training`, to quantize without training.
            Defaults to None: `to_tflite` does what the target demands.
        sparse: Whether zeros are stored sparsely; None where that is smaller.
        strict: Whether an operation that stays in float is an error.

    Example:
    ```python
    stage = tfc.pipeline.Export(target="microcontroller")
    ```
    """

    kind: ClassVar[str] = "export"
    target: str = "cpu_int8"
    scheme: str | None = None
    sparse: bool | None = None
    strict: bool = False
