"""The stage that writes the file."""

import dataclasses
from importlib import resources
from typing import ClassVar, Literal

from tfcompress.pipeline.stages.stage import Stage

SchemeName = Literal[
    "float32",
    "float16",
    "dynamic_range",
    "dynamic_int4",
    "weight_only_int8",
    "weight_only_int4",
    "int8",
    "int8_float_io",
    "int16x8",
]


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
    scheme: SchemeName | None = None
    sparse: bool | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        known = resources.files("tfcompress.export") / "targets" / f"{self.target}.toml"
        if not known.is_file() and not self.target.endswith(".toml"):
            from tfcompress.export import find_target  # It loads NumPy.

            find_target(self.target)
