"""A model as its files are written: flat, its batch normalization folded."""

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ExportError
from tfcompress.export.account.artifact import Artifact
from tfcompress.export.layer_operations import list_layer_operations
from tfcompress.graph.rewiring import with_layers
from tfcompress.keras_compat.weights import write_weights
from tfcompress.quantization import post_training
from tfcompress.quantization.folded_reading import read_folded
from tfcompress.quantization.kernel_grid import output_axes
from tfcompress.quantization.roundable_layers import find_roundable
from tfcompress.quantization.schemes import find_scheme
from tfcompress.search.bit_choice import USUAL, BitChoice

Choices = Mapping[str, BitChoice]


class FlatModel:
    """Writes quantized files of a model, which is converted to float once.

    Args:
        model: A model of either Keras. It is not changed.

    Attributes:
        model: The flat model.
        graph: The same as a graph.
    """

    def __init__(self, model: Any) -> None:
        self.keras = keras_compat.origin_of(model)
        self.graph = read_folded(keras_compat.in_float32(model))
        self.model = keras_compat.build(self.graph, keras=self.keras, trusted=True)

    @functools.cached_property
    def float_file(self) -> Artifact:
        """Its float `.tflite` file."""
        with silent():
            return post_training(self.model, scheme="float32")

    @functools.cached_property
    def kinds(self) -> dict[str, list[str]]:
        """The layers with a kernel in the file, and the kinds of their operations."""
        kinds: dict[str, list[str]] = {}
        for operation in list_layer_operations(self.float_file.path.read_bytes()):
            if operation.weights is not None and operation.layers:
                kinds.setdefault(operation.layers[0], []).append(operation.kind)
        return kinds

    @property
    def names(self) -> list[str]:
        """The convolutions and Dense layers of the file, in the order of the model."""
        return [name for name in find_roundable(self.graph) if name in self.kinds]

    def kernel(self, name: str) -> tuple[np.ndarray, tuple[int, ...]]:
        """Returns the kernel of a layer, and its axes that count the outputs."""
        layer = self.graph.layers[name]
        kernel = layer.weight("kernel")
        return kernel, output_axes(layer.kind, kernel.ndim)

    @contextlib.contextmanager
    def holding(self, name: str, kernel: np.ndarray) -> Iterator[Any]:
        """Gives the model with another kernel in one layer, until the block ends."""
        layer = self.graph.layers[name]
        target = self.model.get_layer(name)
        try:
            changed = layer.with_weights({"kernel": kernel})
            write_weights(target, changed.weights, self.keras)
            yield self.model
        finally:
            write_weights(target, layer.weights, self.keras)

    def write(
        self,
        choices: Choices,
        *,
        scheme: str,
        representative: Any,
        kept: Sequence[str] = (),
    ) -> Artifact:
        """Writes a file with whole-number activations.

        Args:
            choices: How layers store their weights; others in int8, per channel.
            scheme: `"int8"` or `"int8_float_io"`.
            representative: Inputs for the ranges of activations.
            kept: Layers that compute in float32 with weights in float16.
        """
        found = find_scheme(scheme)
        layers: dict[str, str] = {
            name: choice.format for name, choice in choices.items() if choice != USUAL
        }
        coarse = [n for n, c in choices.items() if not c.per_channel and n not in kept]
        if coarse:
            # Layers without a name here get the granularity of the scheme.
            form = dataclasses.replace(found.format, per_channel=False)
            found = dataclasses.replace(found, format=form)
            layers = {name: "int8" for name in self.kinds} | layers
            layers = {n: value for n, value in layers.items() if n not in coarse}
        layers |= dict.fromkeys(kept, "float16")
        clipped = self.clipped(choices)
        source = self.float_file if clipped is self else clipped.float_file
        write = functools.partial(
            post_training,
            source,
            scheme=found,
            representative_data=representative,
            layers=layers,
        )
        with silent():
            try:
                return write()
            except ExportError:  # A file that is tried may be bad: it is measured.
                return write(verification=False)

    def clipped(self, choices: Choices) -> "FlatModel":
        """Returns the model with weights in the ranges that the choices give them."""
        layers = []
        for name, choice in choices.items():
            if choice.method != "min_max":
                kernel, axes = self.kernel(name)
                layer = self.graph.layers[name]
                layers.append(
                    layer.with_weights({"kernel": choice.clipped(kernel, axes)})
                )
        if not layers:
            return self
        graph = with_layers(self.graph, layers)
        return FlatModel(keras_compat.build(graph, keras=self.keras, trusted=True))


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keeps warnings of files that are only tried to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
