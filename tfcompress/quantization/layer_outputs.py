"""What flows inside a model when it runs on data."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.data import batches, check_finite, describe, length
from tfcompress.errors import ArgumentError, DataError
from tfcompress.graph import Graph, Layer, Tensor
from tfcompress.keras_compat.weights import write_weights
from tfcompress.measurement.quality.fitting import check_fits

BATCH_SIZE = 32


class LayerOutputs:
    """Gives tensors inside a model, whose weights can be changed meanwhile.

    Each tensor is computed from the inputs of the model, by the layers that it needs.

    Args:
        graph: The model.
        tensors: The tensors that will be wanted.
        keras: `"keras"` or `"tf_keras"`, where the model is built.
    """

    def __init__(self, graph: Graph, tensors: Iterable[Tensor], keras: str) -> None:
        wanted = list(dict.fromkeys(tensors))
        # A list of one would come back as a tensor alone; the first stands twice.
        outputs = [*wanted[:1], *wanted]
        watched = dataclasses.replace(graph, outputs=outputs, kind="Functional")
        self._model = keras_compat.build(watched, keras=keras, trusted=True)
        self._keras = keras
        self._places = {tensor: place for place, tensor in enumerate(wanted, 1)}

    def run(self, tensor: Tensor, inputs: Iterable[Any]) -> Iterator[np.ndarray]:
        """Yields a tensor for each batch of inputs, in inference mode."""
        library: Any = keras_compat.keras_of(self._model)
        output = self._model.outputs[self._places[tensor]]
        part = library.Model(self._model.input, output)
        for x in inputs:
            yield tf.convert_to_tensor(part(x, training=False)).numpy()

    def write(self, layer: Layer) -> None:
        """Gives a layer of the model other weights."""
        made = self._model.get_layer(layer.name)
        write_weights(made, layer.weights, self._keras)


def read_inputs(model: Any, data: Any, *, samples: int) -> Sequence[Any]:
    """Returns the inputs of the first samples, in batches that fit a model.

    Args:
        model: A built model.
        data: In a form that `tfcompress.data.batches` accepts.
        samples: How many samples to take, up to the end of the batch with the last.

    Raises:
        DataError: If the data is empty or not finite, or does not fit the model.
        ArgumentError: If `samples` is not a whole number of 1 or more.
    """
    whole = isinstance(samples, Integral) and not isinstance(samples, bool)
    if not whole or samples < 1:
        raise ArgumentError(
            f"samples must be a whole number of 1 or more. Received: samples={samples}"
        )
    check_fits(model, data)
    found: list[Any] = []
    seen = 0
    for batch in batches(data, batch_size=min(BATCH_SIZE, samples)):
        check_finite(batch.x, "data")
        size = length(batch.x)
        if size:
            found.append(batch.x)
            seen += size
        if seen >= samples:
            break
    if not seen:
        raise DataError(
            "The data is empty: expected one sample at least. "
            f"Received: {describe(data)}"
        )
    return found
