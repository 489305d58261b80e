"""Tries a model that lost channels, on made-up input, before it is accepted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import Graph, Tensor, TensorSpec
from tfcompress.graph.graph import map_tensors, tensors

# Sizes for axes that are not fixed. Some networks need more than a few pixels.
_SIZES = (32, 128)


class Trial:
    """Builds smaller copies of a model and runs them.

    Args:
        graph: The model that the copies are made of.
        keras: `"keras"` or `"tf_keras"`, where they are built.
    """

    def __init__(self, graph: Graph, keras: str) -> None:
        self.graph = graph
        self.keras = keras
        self._inputs = list(_made_up_inputs(graph))
        self._works: dict[int, bool] = {}

    def run(self, graph: Graph) -> tuple[Any, str | None]:
        """Builds and runs a smaller copy.

        Args:
            graph: What is left of the model.

        Returns:
            The model that was built and None, or None and what went wrong: building or
            running it raised an error, or its outputs are not finite or of another
            shape, on an input where those of the whole model are as they should be.

        Raises:
            ModelError: If the whole model does not run on any made-up input.
        """
        try:
            model = keras_compat.build(graph, keras=self.keras)
        except Exception as error:  # Whatever a layer raises is the answer.
            return None, f"cannot be built without them: {_first_line(error)}"
        for number, inputs in enumerate(self._inputs):
            problem = self._problem(model, inputs)
            if problem is None:
                return model, None
            if self._whole_model_works(number):
                return None, problem
        raise ModelError(
            "A model must give finite outputs for inputs from 0 to 1, on which cuts "
            f"are tried. Received: model {self.graph.name!r}, which does not"
        )

    def _whole_model_works(self, number: int) -> bool:
        if number not in self._works:
            whole = keras_compat.build(self.graph, keras=self.keras)
            self._works[number] = self._problem(whole, self._inputs[number]) is None
        return self._works[number]

    def _problem(self, model: Any, inputs: Any) -> str | None:
        try:
            outputs = self._flat(model(inputs, training=False))
        except Exception as error:  # Whatever a layer raises is the answer.
            return f"does not run without them: {_first_line(error)}"
        expected_of = self._flat(self.graph.outputs)
        for tensor, output in zip(expected_of, outputs, strict=True):
            expected = self.graph.node(tensor.node).outputs[tensor.index].shape
            shape = tuple(output.shape)
            if not _fits(shape, expected):
                return f"returns shape {shape} without them, {expected} with them"
            value = np.asarray(output)
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return "returns numbers that are not finite without them"
        return None

    def _flat(self, structure: Any) -> list[Any]:
        return keras_compat.flatten(structure, self.keras)


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        size is None or size == found
        for found, size in zip(shape[1:], expected[1:], strict=True)
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _made_up_inputs(graph: Graph) -> Iterator[Any]:
    """Yields inputs in the structure of the model: random ones, ones, then zeros."""
    generator = np.random.default_rng(0)
    unknown = any(None in _spec(graph, t).shape[1:] for t in tensors(graph.inputs))
    for size in _SIZES if unknown else _SIZES[:1]:
        for fill in (generator.random, np.ones, np.zeros):
            arrays = {
                tensor: _array(_spec(graph, tensor), size, fill)
                for tensor in tensors(graph.inputs)
            }
            yield map_tensors(arrays.__getitem__, graph.inputs)


def _array(spec: TensorSpec, size: int, fill: Any) -> Any:
    first, *rest = spec.shape
    shape = (first or 1, *(item or size for item in rest))
    if spec.dtype == "string":
        return tf.fill(shape, "")
    # Whole numbers become zeros, but for the ones.
    return tf.cast(fill(shape), spec.dtype)


def _spec(graph: Graph, tensor: Tensor) -> TensorSpec:
    return graph.node(tensor.node).outputs[tensor.index]
