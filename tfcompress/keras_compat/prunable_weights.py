"""Which weights of a tf_keras layer can be pruned, and how they are laid out."""

import dataclasses
import math
from typing import Any

import numpy as np

from tfcompress.keras_compat import internals

_DENSE = ("kernel",)
_CELL = ("kernel", "recurrent_kernel")

# By the name of a class of tf_keras or of one that it is derived from.
_KERNELS = {
    "Conv": _DENSE,
    "ConvLSTMCell": _CELL,
    "Dense": _DENSE,
    "DepthwiseConv": ("depthwise_kernel",),
    "EinsumDense": _DENSE,
    "Embedding": ("embeddings",),
    "GRUCell": _CELL,
    "LSTMCell": _CELL,
    "LocallyConnected1D": _DENSE,
    "LocallyConnected2D": _DENSE,
    "SeparableConv": ("pointwise_kernel",),
    "SimpleRNNCell": _CELL,
}
_MATRIX = ("Dense", "GRUCell", "LSTMCell", "SimpleRNNCell")
_CONVOLUTION = ("Conv", "ConvLSTMCell", "SeparableConv")


@dataclasses.dataclass(frozen=True, eq=False)
class PrunableWeight:
    """A weight whose numbers may become zero one by one.

    Attributes:
        variable: The weight itself.
        name: What its layer calls it, such as `"kernel"`.
        inputs: Axes that run over input channels, or none where there is no such.
        places: Axes that run over places, such as the height of a convolution.
        depthwise: Whether it is the kernel of a depthwise convolution.
    """

    variable: Any
    name: str
    inputs: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    depthwise: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight."""
        return tuple(self.variable.shape)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def input_channels(self) -> int:
        """The number of input channels, 1 where there are none."""
        return math.prod(self.shape[axis] for axis in self.inputs)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Axes that run over output channels, or none where there is no such."""
        if self.depthwise:
            return tuple(range(len(self.shape) - 2, len(self.shape)))
        if not self.inputs:
            return ()
        others = {*self.inputs, *self.places}
        return tuple(axis for axis in range(len(self.shape)) if axis not in others)

    @property
    def is_matrix(self) -> bool:
        """Whether it is one matrix: of rank 2, or with no more than one place."""
        if not self.inputs:
            return len(self.shape) == 2
        return all(self.shape[axis] == 1 for axis in self.places)

    def to_rows(self, array: np.ndarray) -> np.ndarray:
        """Returns an array of its shape with a row of input channels for each output.

        The rows are those of TFLite's layout: `(outputs, inputs)` for Dense,
        `(outputs · height · width, inputs)` for a convolution.
        """
        order = [*self._others, *self.inputs]
        return array.transpose(order).reshape(-1, self.input_channels)

    def from_rows(self, rows: np.ndarray) -> np.ndarray:
        """Returns what `to_rows` returned as an array of its own shape again."""
        order = [*self._others, *self.inputs]
        array = rows.reshape([self.shape[axis] for axis in order])
        return array.transpose(np.argsort(order))

    def to_matrix(self, array: np.ndarray) -> np.ndarray:
        """Returns an array of its shape as `(inputs, outputs)`, if it `is_matrix`."""
        return self.to_rows(array).T if self.inputs else array

    def from_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """Returns what `to_matrix` returned as an array of its own shape again."""
        return self.from_rows(matrix.T) if self.inputs else matrix

    @property
    def _others(self) -> list[int]:
        return [axis for axis in range(len(self.shape)) if axis not in self.inputs]


def prunable_weights(layer: Any) -> list[PrunableWeight]:
    """Returns the weights of a built tf_keras layer that can be pruned.

    Those are the kernels of stock layers, of what is derived from them, and of layers
    inside a layer: the cells of a recurrent layer, both directions of a Bidirectional,
    the projections of an attention. A layer of the user's own may name its weights by
    a method `get_prunable_weights`, as for TF-MOT.
    """
    own = getattr(type(layer), "get_prunable_weights", None)
    if own is not None:
        return [_of_users_layer(variable) for variable in own(layer)]
    for kind in type(layer).__mro__:
        if kind.__module__.startswith("tf_keras.") and kind.__name__ in _KERNELS:
            names = _KERNELS[kind.__name__]
            return [_weight(layer, kind.__name__, name) for name in names]
    found: dict[int, PrunableWeight] = {}
    for inner in internals.sublayers(layer, "tf_keras"):
        if inner.built and inner.weights:
            found.update({id(w.variable): w for w in prunable_weights(inner)})
    return list(found.values())


def _weight(layer: Any, kind: str, name: str) -> PrunableWeight:
    variable = getattr(layer, name)
    rank = len(variable.shape)
    if kind in _MATRIX:
        return PrunableWeight(variable, name, (0,))
    if kind in _CONVOLUTION:
        transposed = any("Transpose" in base.__name__ for base in type(layer).__mro__)
        channels = rank - 1 if transposed else rank - 2
        return PrunableWeight(variable, name, (channels,), tuple(range(rank - 2)))
    if kind == "EinsumDense":
        _, kernel, outputs = layer.equation.replace("->", ",").split(",")
        summed = [axis for axis, letter in enumerate(kernel) if letter not in outputs]
        return PrunableWeight(variable, name, tuple(summed))
    return PrunableWeight(variable, name, depthwise=kind == "DepthwiseConv")


def _of_users_layer(variable: Any) -> PrunableWeight:
    name = variable.name.split(":")[0].rsplit("/", 1)[-1]
    return PrunableWeight(variable, name, (0,) if len(variable.shape) == 2 else ())
