"""The file that ships, with its account."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfcompress.export.census import Operation
from tfcompress.export.targets import Target
from tfcompress.export.verification import Verification
from tfcompress.measurement import LiteRTModel


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A `.tflite` file, and what is known about it. Wherever a path goes, it can go.

    Attributes:
        path: Where the file is.
        bytes: Its size.
        target: What it was made for.
        operations: How many operations it holds, by kind and type, such as
            `{"CONV_2D int8": 3}`.
        float_operations: The operations that compute in float: all of a float file,
            none of a full-integer file where every layer could be quantized.
        verification: How its outputs compare with the Keras model's.
        layers: What became of each layer with an operation of its own, where the file
            tells: its weights and its activations, such as `"int8 weights, int8
            activations"`.
        notes: What a user should know of the file, such as that it is slow.

    Example:
    ```python
    artifact = tfc.export.to_tflite(model, "model.tflite", target="cpu_float32")
    scores = artifact.predict(images)
    ```
    """

    path: Path
    bytes: int
    target: Target
    operations: dict[str, int]
    float_operations: tuple[Operation, ...]
    verification: Verification
    layers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def predict(self, x: Any) -> Any:
        """Runs the file on LiteRT; see `tfcompress.measurement.LiteRTModel.predict`.

        Args:
            x: An array of shape `(samples, ...)`, or a dict of them by input name.

        Returns:
            The outputs as real numbers: an array of shape `(samples, ...)`, or a dict.

        Raises:
            DataError: If the inputs do not fit.
            ModelError: If the file is no longer there or cannot be run.
        """
        return LiteRTModel(self.path).predict(x)

    def __fspath__(self) -> str:
        return str(self.path)
