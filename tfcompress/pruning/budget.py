"""What a model costs."""

import abc
from pathlib import Path

from tfcompress import export, keras_compat, measurement
from tfcompress.errors import ArgumentError
from tfcompress.export.conversion.conversion import convert
from tfcompress.export.conversion.signature import read_signature
from tfcompress.graph import Graph
from tfcompress.graph.graph import tensors
from tfcompress.measurement.cost.summary import summarize_graph

_BYTES_OF_WEIGHT = 4


class Budget(abc.ABC):
    """Measures what a model costs, beside the whole model that it is cut from.

    Args:
        whole: The whole model.
        keras: `"keras"` or `"tf_keras"`, where it is built.
        folder: A folder for files, which may be removed afterwards.

    Attributes:
        cost: What the whole model costs.
        unit: What it is counted in.
        makes_files: Whether models must run to be measured.
    """

    unit: str
    makes_files: bool

    def __init__(self, whole: Graph, keras: str, folder: Path) -> None:
        self.whole = whole
        self.keras = keras
        self.folder = folder
        self.cost = self.measure(whole)

    @abc.abstractmethod
    def measure(self, graph: Graph) -> float:
        """Returns what a model costs."""

    @abc.abstractmethod
    def estimate(self, graph: Graph) -> float:
        """Returns nearly what a model costs, without making a file of it."""


class MultiplyAddBudget(Budget):
    """Multiply-adds for one sample, counted from shapes."""

    unit = "multiply-adds"
    makes_files = False

    def measure(self, graph: Graph) -> float:
        """Returns the multiply-adds of a model for one sample."""
        return summarize_graph(graph).multiply_adds

    def estimate(self, graph: Graph) -> float:
        """Returns the same, which costs nothing to count."""
        return self.measure(graph)


class BytesBudget(Budget):
    """Bytes of the float32 `.tflite` file, which is not run for it."""

    unit = "bytes"
    makes_files = True

    def measure(self, graph: Graph) -> float:
        """Returns the bytes of the file of a model."""
        model = keras_compat.build(graph, keras=self.keras)
        model = keras_compat.in_float32(model)
        target = export.find_target("cpu_float32")
        return len(convert(model, read_signature(model, 1), target, samples=None))

    def estimate(self, graph: Graph) -> float:
        """Returns the bytes of the whole model's file without the missing weights."""
        missing = self.whole.count_weights() - graph.count_weights()
        return self.cost - _BYTES_OF_WEIGHT * missing


class LatencyBudget(Budget):
    """Milliseconds of the float32 `.tflite` file, on one thread of this machine.

    Files are measured beside that of the whole model, in turns, and its time at the
    start is multiplied by the ratio of the two. So other work on the machine meets
    both.

    Raises:
        ArgumentError: If the size of an input is open.
    """

    unit = "ms"
    makes_files = True

    def __init__(self, whole: Graph, keras: str, folder: Path) -> None:
        for tensor in tensors(whole.inputs):
            shape = tuple(whole.node(tensor.node).outputs[tensor.index].shape)
            if None in shape[1:]:
                raise ArgumentError(
                    "Time depends on the size of the input, and the input size is "
                    "open: give fixed sizes to keras.Input, or a budget of macs or "
                    f"bytes. Received: input {tensor.node!r} of shape {shape}"
                )
        super().__init__(whole, keras, folder)

    def write(self, graph: Graph, name: str) -> Path:
        """Writes the file of a model, and returns its path."""
        model = keras_compat.build(graph, keras=self.keras)
        path = self.folder / f"{name}.tflite"
        export.to_tflite(model, path, target="cpu_float32")
        return path

    def measure(self, graph: Graph) -> float:
        """Returns the milliseconds that the file of a model takes for one sample."""
        if graph is self.whole:
            files = {"whole": self.write(graph, "whole")}
            return measurement.latency(files)["whole"].median_ms
        files = {
            "whole": self.folder / "whole.tflite",
            "candidate": self.write(graph, "candidate"),
        }
        times = measurement.latency(files)
        ratio = times["candidate"].median_ms / times["whole"].median_ms
        return ratio * self.cost

    def estimate(self, graph: Graph) -> float:
        """Returns the time that is in proportion to the multiply-adds."""
        whole = summarize_graph(self.whole).multiply_adds
        share = summarize_graph(graph).multiply_adds / whole if whole else 1.0
        return self.cost * share
