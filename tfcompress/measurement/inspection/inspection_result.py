"""What was found inside a model file, and how it is shown."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tfcompress.measurement.cost.kernel_count import KernelCount
from tfcompress.measurement.cost.layer_totals import LayerTotals
from tfcompress.measurement.files.tensor import TensorDetails
from tfcompress.printing import to_markdown
from tfcompress.result import Result

_NONE = "-"
_WIDE = 110
_TITLES = (
    *("layer", "kind", "shape", "dtype", "bits", "granularity"),
    *("parameters", "zeros", "bytes", "multiply-adds"),
)
_NUMBERS = 4


@dataclasses.dataclass(frozen=True)
class LayerInspection(KernelCount):
    """One layer of a Keras model, or one operation of a `.tflite` file.

    Attributes:
        name: Name of the layer.
        kind: Its class, such as `"Conv2D"`, or the operation, such as `"CONV_2D"`.
        shape: Shape of its first output, with None where a size is not fixed.
        dtype: How its weights are stored, such as `"int8"`; the type of its first
            output where it has none.
        bits: Bits of a weight, or None where it has none.
        granularity: How many weights share a scale: `"per tensor"`, `"per channel"`,
            or `"per group"` (blocks within a channel); None where there is no scale.
        parameters: Numbers in its weights, biases among them. Those that two layers
            share stand with the first.
        kernel_parameters: Those of them that lie in kernels.
        zeros: Kernel weights that are exactly zero.
        bytes: Bytes of its weights in the file, with their scales and, in sparse
            encoding, their positions.
        multiply_adds: Pairs of one multiplication and one addition for one sample.
        sparse: Whether the kernel is in sparse encoding, which leaves zeros out.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    dtype: str
    bits: int | None
    granularity: str | None
    parameters: int
    kernel_parameters: int
    zeros: int
    bytes: int
    multiply_adds: int
    sparse: bool = False


@dataclasses.dataclass(frozen=True)
class SignatureInspection:
    """What goes into one way of running a file, and what comes out.

    Attributes:
        name: Name of the signature, or of the model; empty for a file without any.
        inputs: The inputs, with scale and zero point where they are quantized.
        outputs: The outputs, in the same way.
    """

    name: str
    inputs: tuple[TensorDetails, ...]
    outputs: tuple[TensorDetails, ...]


@dataclasses.dataclass(frozen=True)
class Inspection(LayerTotals, Result):
    """What is inside a model file.

    It prints itself: with `print` and with rich.

    Attributes:
        path: The file.
        format: What it is, `"Keras model"`, `"tf_keras model"`, or the version of the
            TFLite format.
        bytes: Its size.
        layers: Each layer or operation, in the order in which they are computed.
        signatures: Inputs and outputs, for each way to run the file.
        operations: How often each operation occurs with each type of output, such as
            `{"CONV_2D int8": 3}`; empty for a Keras model.
        metadata: What the file says of itself, by name.
        notes: What the numbers leave out.
    """

    path: str
    format: str
    bytes: int
    layers: tuple[LayerInspection, ...]
    signatures: tuple[SignatureInspection, ...]
    operations: Mapping[str, int]
    metadata: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[TensorDetails, ...]:
        """The inputs of the first signature."""
        return self.signatures[0].inputs

    @property
    def outputs(self) -> tuple[TensorDetails, ...]:
        """The outputs of the first signature."""
        return self.signatures[0].outputs

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights in the file."""
        return sum(layer.bytes for layer in self.layers)

    def describe(self) -> str:
        """Says in some lines what the file is, takes and gives, and is made of."""
        lines = [
            f"{self.path}: {self.format}, {self.bytes:,} bytes, "
            f"{self.weight_bytes:,} of them weights."
        ]
        for signature in self.signatures:
            named = f" of {signature.name}" if len(self.signatures) > 1 else ""
            lines += [f"input{named}  {_show(one)}" for one in signature.inputs]
            lines += [f"output{named}  {_show(one)}" for one in signature.outputs]
        if self.operations:
            census = ", ".join(
                f"{count} {name}" for name, count in self.operations.items()
            )
            lines.append(f"operations  {census}")
        lines += [f"{name}  {text}" for name, text in self.metadata.items()]
        return "\n".join([*lines, *self.notes])

    def to_markdown(self) -> str:
        """Returns the table in Markdown, with what `describe` says below it."""
        rows = [_cells(layer) for layer in self.layers]
        total = ["total", "", "", "", "", "", *self._totals()]
        return to_markdown(_TITLES, [*rows, total], self.describe())

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes and the totals as plain data."""
        return {
            **super().to_dict(),
            **self.totals(),
            "weight_bytes": self.weight_bytes,
        }

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        yield self._table(options.max_width)
        yield Text(self.describe())

    def _totals(self) -> list[str]:
        return [
            f"{self.parameters:,}",
            f"{self.sparsity:.1%}",
            f"{self.weight_bytes:,}",
            f"{self.multiply_adds:,}",
        ]

    def _table(self, width: int = _WIDE) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False, collapse_padding=True
        )
        wide = width >= _WIDE
        words = _TITLES[:-_NUMBERS] if wide else ("layer", "shape", "stored as")
        for number, title in enumerate(words):
            justify: Any = "right" if title == "bits" else "left"
            table.add_column(
                title, "" if number else "total", justify=justify, overflow="fold"
            )
        for title, total in zip(_TITLES[-_NUMBERS:], self._totals(), strict=True):
            title = title.replace("-", "-\n")
            table.add_column(title, total, justify="right", no_wrap=True)
        for layer in self.layers:
            cells = _cells(layer)
            table.add_row(*map(Text, cells if wide else _stacked(cells)))
        return table


def _stacked(cells: list[str]) -> list[str]:
    """Returns the cells of a row for a narrow screen: several lines in each."""
    name, kind, shape, dtype, bits, granularity, *numbers = cells
    lines = [dtype] if bits == _NONE else [f"{dtype}, {bits} bits"]
    lines += [granularity] if granularity != _NONE else []
    return [f"{name}\n{kind}", shape, "\n".join(lines), *numbers]


def _cells(layer: LayerInspection) -> list[str]:
    return [
        layer.name,
        layer.kind,
        show_shape(layer.shape),
        f"{layer.dtype} sparse" if layer.sparse else layer.dtype,
        _NONE if layer.bits is None else str(layer.bits),
        layer.granularity or _NONE,
        f"{layer.parameters:,}" if layer.parameters else _NONE,
        f"{layer.sparsity:.1%}" if layer.kernel_parameters else _NONE,
        f"{layer.bytes:,}" if layer.bytes else _NONE,
        f"{layer.multiply_adds:,}" if layer.multiply_adds else _NONE,
    ]


def show_shape(shape: tuple[int | None, ...]) -> str:
    """Returns a shape in words, such as `"1x8x8x3"`, with ? for an open size."""
    return "x".join("?" if size is None else str(size) for size in shape) or "1"


def _show(tensor: TensorDetails) -> str:
    words = f"{tensor.name}: {tensor.dtype} {show_shape(tensor.shape)}"
    if not tensor.quantized:
        return words
    return f"{words}, scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
