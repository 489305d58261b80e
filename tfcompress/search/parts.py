"""The parts of a model that can be pruned one by one."""

import abc
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.graph import Graph, Layer
from tfcompress.keras_compat.weights import write_weights


class Parts(abc.ABC):
    """A model whose parts can be pruned one by one, each by a ratio.

    The model is built once. To measure it with a part pruned, the weights of this part
    are changed and put back afterwards.

    Args:
        graph: The model, without models inside it.
        keras: `"keras"` or `"tf_keras"`: where it is built.

    Attributes:
        kind: What the parts are, for tables.
        counted: What a budget may count.
        names: Names of the parts, in the order of the model.
        skipped: Names of what is left out, and why.
    """

    kind: ClassVar[str]
    counted: ClassVar[tuple[str, ...]]
    names: tuple[str, ...]
    skipped: Mapping[str, str]

    def __init__(self, graph: Graph, keras: str) -> None:
        self.graph = graph
        self.keras = keras
        self.model = keras_compat.build(graph, keras=keras)

    @abc.abstractmethod
    def cost(self, ratios: Mapping[str, float], counted: str) -> int:
        """Returns what is left of the model when parts are pruned.

        Args:
            ratios: The ratio of each part; parts that are not named stay whole.
            counted: One of `counted`.
        """

    def whole(self, counted: str) -> int:
        """Returns what a share of a budget refers to."""
        return self.cost({}, counted)

    @abc.abstractmethod
    def changed(self, name: str, ratio: float) -> list[Layer] | Graph:
        """Returns the layers that have other weights when one part is pruned.

        Where that cannot be said by weights: the model without what goes.
        """

    @contextlib.contextmanager
    def pruned(self, name: str, ratio: float) -> Iterator[Any]:
        """Gives the model with one part pruned, until the block ends."""
        layers = self.changed(name, ratio)
        if isinstance(layers, Graph):
            yield keras_compat.build(layers, keras=self.keras)
            return
        try:
            for layer in layers:
                self._write(layer)
            yield self.model
        finally:
            for layer in layers:
                self._write(self.graph.layers[layer.name])

    def check(self) -> None:
        """Raises an error if there is no part that can be pruned.

        Raises:
            ModelError: Says why not.
        """
        if not self.names:
            raise ModelError(
                f"No {self.kind} of the model can be pruned. Received: model "
                f"{self.graph.name!r}, where {dict(self.skipped)}"
            )

    def _write(self, layer: Layer) -> None:
        target = self.model.get_layer(layer.name)
        write_weights(target, layer.weights, self.keras)
