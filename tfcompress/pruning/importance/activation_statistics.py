"""Importance by how strongly a channel answers to data."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.data import leaves
from tfcompress.graph import ChannelGroup, ChannelSlice, Graph, Tensor
from tfcompress.pruning.importance.filters import average, relative
from tfcompress.pruning.importance.importance import Importance
from tfcompress.pruning.importance.samples import read_samples

BATCH_SIZE = 16


def mean_absolute(activations: np.ndarray) -> np.ndarray:
    """Returns the mean absolute value at each place of the last axis: `mean(|a|)`."""
    flat = activations.reshape(-1, activations.shape[-1])
    return np.abs(flat).mean(axis=0, dtype=np.float64)


class ActivationStatistics(Importance):
    """Mean absolute activation of a channel, as the layers behind it take it in.

    That is after normalization and activation. Where several layers take a channel in,
    what each of them gets is divided by its mean and then averaged. The inner
    channels of attention are not seen from outside; they stay. Compare Hu et
    al., "Network Trimming", 2016, https://arxiv.org/abs/1607.03250, who count zeros.

    Args:
        data: Inputs, with or without labels, in a form that `tfcompress.data.batches`
            accepts. A few hundred samples are enough.
        normalization: As in `Importance`.

    Example:
    ```python
    importance = tfc.pruning.importance.ActivationStatistics(x)
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    def __init__(self, data: Any, *, normalization: str = "standard") -> None:
        super().__init__(normalization=normalization)
        self.data = data

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`.

        Raises:
            DataError: If data is empty or not finite, or does not fit the model.
        """
        doors = [
            [(part, tensor) for part in group.slices for tensor in _taken(graph, part)]
            for group in groups
        ]
        taken = list(dict.fromkeys(tensor for found in doors for _, tensor in found))
        means = _measure(graph, taken, self.data, keras)
        return [
            average(
                group.width,
                iter([_of_channels(part, means[tensor]) for part, tensor in found]),
            )
            for group, found in zip(groups, doors, strict=True)
        ]


def _taken(graph: Graph, part: ChannelSlice) -> list[Tensor]:
    """Returns the tensors that a kernel takes the channels of a slice from."""
    layer = graph.layers[part.layer]
    kernel = part.path.rsplit("/", 1)[-1]
    if part.role != "consumer" or kernel in ("recurrent_kernel", "pointwise_kernel"):
        return []
    calls = graph.calls(layer)
    if layer.kind != "MultiHeadAttention":
        return [node.inputs()[0] for node in calls]
    places = {"0": ("query",), "1": ("key", "value"), "2": ("value",)}
    names = places.get(part.path.split("/")[0], ())  # The fourth takes its own heads.
    found = []
    for node in calls:
        given = dict(zip(("query", "value", "key"), node.arguments, strict=False))
        given.update(node.keywords)
        tensors = [given[name] for name in names if given.get(name) is not None]
        found += tensors[:1]
    return found


def _measure(
    graph: Graph, taken: Sequence[Tensor], data: Any, keras: str
) -> Mapping[Tensor, np.ndarray]:
    """Returns the mean absolute value on the last axis of some tensors."""
    if not taken:
        return {}
    watched = dataclasses.replace(graph, outputs=list(taken), kind="Functional")
    model = keras_compat.build(watched, keras=keras)
    totals: dict[Tensor, Any] = dict.fromkeys(taken, 0.0)
    samples = 0
    for batch in read_samples(data, model, batch_size=BATCH_SIZE, labels=False):
        size = len(leaves(batch.x)[0])
        values = keras_compat.flatten(model.predict_on_batch(batch.x), keras)
        for tensor, value in zip(taken, values, strict=True):
            totals[tensor] = totals[tensor] + size * mean_absolute(np.asarray(value))
        samples += size
    return {tensor: total / samples for tensor, total in totals.items()}


def _of_channels(
    part: ChannelSlice, means: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the channels of a slice, and the mean of each over all its places."""
    # A convolution in groups has a kernel for one of them, which serves them all.
    places = np.tile(part.channels, len(means) // len(part.channels))
    channels = np.unique(part.channels[part.channels >= 0])
    found = np.array([means[places == channel].mean() for channel in channels])
    return channels, relative(found)
