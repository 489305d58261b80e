"""Layers whose weights are pruned one by one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError
from tfcompress.graph import Graph, Layer
from tfcompress.measurement.cost.weights import is_kernel
from tfcompress.pruning import MagnitudePruning
from tfcompress.pruning.structured import read_plain
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
        keras = keras_compat.origin_of(model)
        super().__init__(read_plain(model, keras), keras)
        self._originals = _by_plain_name(self.graph)
        self._pruned: dict[float, dict[str, Layer]] = {}
        self._plain_names = self._find_layers()
        self._nonzero = sum(_count(layer) for layer in self.graph.layers.values())

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
            _count(self._originals[self._plain_names[name]])
            - _count(self._at(ratio)[self._plain_names[name]])
            for name, ratio in ratios.items()
            if ratio
        )
        return self._nonzero - saved

    def changed(self, name: str, ratio: float) -> list[Layer]:
        """Returns the layer with its zeros."""
        plain = self._plain_names[name]
        pruned = self._at(ratio)[plain]
        values = {weight.path: weight.value for weight in pruned.weights}
        return [self._originals[plain].with_weights(values)]

    def _find_layers(self) -> dict[str, str]:
        """Returns the plain name in the flat graph of each layer.

        Layers of models inside the model may have one name; the technique and the flat
        graph tell them apart in their own ways. Such a layer is the one that changes
        when it alone is pruned.
        """
        found = {}
        for name in self.names:
            others = [other for other in self.names if other != name]
            found[name] = _plain(name)
            if "/" in name or any(other.endswith(f"/{name}") for other in others):
                layers = self._prune(self._pruning(0.5, ignored=others))
                (found[name],) = (
                    plain
                    for plain, layer in self._originals.items()
                    if layer.weights != layers[plain].weights
                )
        return found

    def _at(self, ratio: float) -> dict[str, Layer]:
        """Returns the layers of the model after every one of them was pruned."""
        if ratio not in self._pruned:
            self._pruned[ratio] = self._prune(self._pruning(ratio))
        return self._pruned[ratio]

    def _prune(self, pruning: MagnitudePruning) -> dict[str, Layer]:
        """Returns the layers after one step of pruning, in which nothing is trained."""
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
        return _by_plain_name(keras_compat.read_flat(pruning.finalize(wrapped)))

    def _pruning(self, ratio: float, ignored: Sequence[str] = ()) -> MagnitudePruning:
        """Returns the technique with another sparsity, for each layer alone."""
        given = self._technique
        layers = {n: None if v is None else ratio for n, v in given.layers.items()}
        return MagnitudePruning(
            schedule=Constant(ratio),
            structure=given.structure,
            layers=layers,
            ignored=[*given.ignored, *ignored],
            minimum_size=given.minimum_size,
            policy=given.policy,
        )


def _count(layer: Layer) -> int:
    """Returns the kernel weights of a layer that are not zero."""
    return sum(int(np.count_nonzero(kernel)) for kernel in _kernels(layer))


def _kernels(layer: Layer) -> list[np.ndarray]:
    return [w.value for w in layer.weights if is_kernel(w.path, w.value)]


def _by_plain_name(graph: Graph) -> dict[str, Layer]:
    return {_plain(name): layer for name, layer in graph.layers.items()}


def _plain(name: str) -> str:
    """Returns a name as it is in both Kerases, which allow different letters."""
    return re.sub(r"\W", "_", name)
