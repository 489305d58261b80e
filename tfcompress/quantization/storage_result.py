"""How many bytes the weights of a quantization-aware model take."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from tfcompress import printing
from tfcompress.quantization import formats
from tfcompress.result import Result

_TITLES = ("layer", "format", "stored", "float32", "TFLite", "where")


@dataclasses.dataclass(frozen=True)
class StoredKernel:
    """A kernel in whole numbers without a gap between them.

    Attributes:
        packed: The whole numbers, uint8 of rank 1, see `formats.pack_bits`.
        parameters: What they stand for.
        shape: Shape of the kernel.
        scales: How many parts of it have a scale of their own.
    """

    packed: np.ndarray
    parameters: formats.Parameters
    shape: tuple[int, ...]
    scales: int

    @property
    def size_in_bytes(self) -> int:
        """Bytes of the whole numbers, and of the parameters."""
        return self.packed.nbytes + self.parameters.size_in_bytes

    def unpack(self) -> np.ndarray:
        """Returns the float32 numbers that the model computes with."""
        integers = formats.unpack_bits(self.packed, self.parameters.bits, self.shape)
        return formats.dequantize(integers, self.parameters).numpy()


@dataclasses.dataclass(frozen=True)
class LayerStorage:
    """One layer with weights.

    Attributes:
        name: Name of the layer.
        format: Of its kernels, and of how many bits: `"logarithmic, 4 bits"`, or
            `"float32"` for layers without any.
        kernels: Its kernels.
        bytes: Bytes of the kernels so, and of all other weights in float32.
        float32_bytes: Bytes of all weights in float32.
        tflite_bytes: Bytes of the weights in a full-integer `.tflite` file.
        where: `"TFLite"` where a file holds the kernels in these very bits, else
            `"storage only"`.
    """

    name: str
    format: str
    kernels: tuple[StoredKernel, ...]
    bytes: int
    float32_bytes: int
    tflite_bytes: int
    where: str


@dataclasses.dataclass(frozen=True)
class Storage(Result):
    """Bytes of the weights of a model, layer by layer.

    It prints itself: with `print`, in a notebook, and with rich.

    Attributes:
        rows: One for each layer with weights, in the order of the model.

    Example:
    ```python
    result = tfc.quantization.storage(aware)
    print(result.bytes, result.float32_bytes, result.tflite_bytes)
    ```
    """

    rows: tuple[LayerStorage, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all weights, the kernels packed."""
        return sum(row.bytes for row in self.rows)

    @property
    def float32_bytes(self) -> int:
        """Bytes of all weights in float32."""
        return sum(row.float32_bytes for row in self.rows)

    @property
    def tflite_bytes(self) -> int:
        """Bytes of all weights in a full-integer `.tflite` file."""
        return sum(row.tflite_bytes for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers as plain data."""
        numbers = ("name", "format", "bytes", "float32_bytes", "tflite_bytes", "where")
        return {
            "rows": [{key: getattr(row, key) for key in numbers} for row in self.rows],
            **{key: getattr(self, key) for key in numbers if key.endswith("bytes")},
        }

    def to_markdown(self) -> str:
        """Returns the table in Markdown."""
        return printing.to_markdown(_TITLES, list(self._cells()), self.describe())

    def describe(self) -> str:
        """Says in a few sentences what was counted."""
        return (
            "Bytes of weights: kernels packed without a gap, with their scales, and "
            "all else in float32; everything in float32; and as a full-integer TFLite "
            "file holds them. What is called 'storage only' no file holds in these "
            "bits: it is unpacked before it is computed with. The structure of a file, "
            "and the ranges of activations, are not counted."
        )

    def _cells(self) -> Iterable[list[str]]:
        for row in self.rows:
            sizes = (row.bytes, row.float32_bytes, row.tflite_bytes)
            yield [row.name, row.format, *(f"{size:,}" for size in sizes), row.where]
        sizes = (self.bytes, self.float32_bytes, self.tflite_bytes)
        yield ["total", "", *(f"{size:,}" for size in sizes), ""]

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for title in _TITLES:
            number = title in ("stored", "float32", "TFLite")
            table.add_column(
                title,
                justify="right" if number else "left",
                no_wrap=number,
                overflow="fold",
            )
        for cells in self._cells():
            table.add_row(*map(Text, cells))
        return table
