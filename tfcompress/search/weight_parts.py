"""Layers whose weights are pruned one by one."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError
from tfcompress.graph import Graph, Layer
from tfcompress.keras_compat.flat_reading import read_flat
from tfcompress.measurement.weights import is_kernel
from tfcompress.pruning import MagnitudePruning
from tfcompress.schedules import Constant
from tfcompress.search.parts import Parts


class WeightParts(Parts):
    """The layers of a model whose smallest weights become zero.

    `MagnitudePruning` itself chooses layers and weights, at once, without training.

    Args:
        model: The model.
        technique: Its settings, but for the sparsity, are those of the search.
    """

    kind = "layer"
    counted = ("weights",)

    def __init__(self, model: Any, technique: MagnitudePruning) -> None:
        if isinstance(technique.structure, str):
            raise ArgumentError(
                "N:M sparsity has one ratio only; give a technique of single weights "
                f"or blocks. Received: structure={technique.structure!r}"
            )
        self._technique = technique
        self._user_model = model
        pruning = self._pruning(0.5)
        pruning.apply(model)
        self.names = pruning.account.applied
        self.skipped = pruning.account.skipped
        super().__init__(read_flat(model), keras_compat.origin_of(model))
        self._layers = {_plain(name): name for name in self.graph.layers}
        self._nonzero = sum(_count(layer) for layer in self.graph.layers.values())
        self._pruned: dict[float, Graph] = {}

    def whole(self, counted: str) -> int:
        """Returns the number of all weights in kernels, zeros too."""
        return sum(
            weight.size
            for layer in self.graph.layers.values()
            for weight in _kernels(layer)
        )

    def cost(self, ratios: Mapping[str, float], counted: str) -> int:
        """Returns the kernel weights that are not zero."""
        saved = sum(
            _count(self._layer(self.graph, name))
            - _count(self._layer(self._at(ratio), name))
            for name, ratio in ratios.items()
            if ratio
        )
        return self._nonzero - saved

    def changed(self, name: str, ratio: float) -> list[Layer]:
        """Returns the layer with its zeros."""
        return [self._layer(self._at(ratio), name)]

    def _layer(self, graph: Graph, name: str) -> Layer:
        """Returns the layer of a flat graph that the technique calls by a name."""
        return graph.layers[self._layers[_plain(name)]]

    def _at(self, ratio: float) -> Graph:
        """Returns the model with every layer pruned at once."""
        if ratio not in self._pruned:
            pruning = self._pruning(ratio)
            wrapped = pruning.apply(self._user_model)
            (callback,) = pruning.callbacks()
            callback.set_params({"epochs": 1, "steps": 1})
            callback.set_model(wrapped)
            callback.on_train_begin()
            callback.on_epoch_begin(0)
            callback.on_train_batch_begin(0)
            callback.on_train_batch_end(0)
            callback.on_epoch_end(0)
            callback.on_train_end()
            self._pruned[ratio] = read_flat(pruning.finalize(wrapped))
        return self._pruned[ratio]

    def _pruning(self, ratio: float) -> MagnitudePruning:
        """Returns the technique with another sparsity, for each layer alone."""
        given = self._technique
        layers = {n: None if v is None else ratio for n, v in given.layers.items()}
        return MagnitudePruning(
            schedule=Constant(ratio),
            structure=given.structure,
            layers=layers,
            ignored=given.ignored,
            minimum_size=given.minimum_size,
            policy=given.policy,
        )


def _count(layer: Layer) -> int:
    """Returns the kernel weights of a layer that are not zero."""
    return sum(int(np.count_nonzero(kernel)) for kernel in _kernels(layer))


def _kernels(layer: Layer) -> list[np.ndarray]:
    return [w.value for w in layer.weights if is_kernel(w.path, w.value)]


def _plain(name: str) -> str:
    """Returns a name as it is alike in both Kerases and in flat and nested models."""
    return re.sub(r"\W", "_", name)
