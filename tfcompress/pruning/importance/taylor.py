"""Importance by how the loss changes when a channel goes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, DataError
from tfcompress.graph import ChannelGroup, ChannelSlice, Graph
from tfcompress.keras_compat.weights import tensorflow_variables
from tfcompress.pruning.importance.importance import Importance
from tfcompress.pruning.importance.samples import read_samples

BATCH_SIZE = 32


def gate_gradients(
    weight: np.ndarray, gradient: np.ndarray, part: ChannelSlice, width: int
) -> np.ndarray:
    """Returns the gradient of the loss for a gate of 1 on each channel: `sum(w * g)`.

    A gate multiplies all of a channel's weights in one kernel, so its gradient is the
    sum of theirs, each times the weight.

    Args:
        weight: A kernel.
        gradient: Of the loss for it, of the same shape.
        part: Where the channels lie on it.
        width: How many channels there are.

    Returns:
        An array of shape `(width,)`.
    """
    products = np.moveaxis(weight.astype(np.float64) * gradient, part.axis, 0)
    sums = products.reshape(len(products), -1).sum(axis=1)
    there = part.channels >= 0
    gates = np.zeros(width)
    np.add.at(gates, part.channels[there], sums[there])
    return gates


class Taylor(Importance):
    """Square of the gradient of the loss for a gate on each channel.

    The gate stands where the channel is taken in, which is where a removed channel is
    as good as zero, in all the layers that take it in at once; where no layer has
    weights for that, as for the width of attention's keys, it stands on the weights
    that make the channel. Its gradient is the sum of `w * dL/dw` over these weights, so
    its square is what the loss changes by, to the first order, when the channel goes.
    The squares are averaged over the batches. Molchanov et al., "Importance Estimation
    for Neural Network Pruning", 2019, https://arxiv.org/abs/1906.10771.

    Args:
        data: Inputs and labels, in a form that `tfcompress.data.batches` accepts. A
            few hundred samples are enough.
        loss: A loss of Keras by its name, or a function or Keras loss that takes labels
            and outputs.
        normalization: As in `Importance`.

    Raises:
        ArgumentError: If there is no such loss.

    Example:
    ```python
    importance = tfc.pruning.importance.Taylor(
        (x, y), "sparse_categorical_crossentropy"
    )
    pruning = tfc.pruning.ChannelPruning(0.5, importance=importance)
    ```
    """

    def __init__(
        self, data: Any, loss: Any, *, normalization: str = "standard"
    ) -> None:
        super().__init__(normalization=normalization)
        self.data = data
        self.loss = _find_loss(loss)

    def score(
        self, graph: Graph, groups: Sequence[ChannelGroup], *, keras: str
    ) -> list[np.ndarray | None]:
        """Scores each channel: see `Importance.score`.

        Raises:
            DataError: If data is empty or not finite, has no labels, does not fit the
                model, or gives a loss that is not finite.
        """
        model = keras_compat.build(graph, keras=keras)
        gates = [_gates(graph, group) for group in groups]
        places = {(part.layer, part.path) for parts in gates for part in parts}
        variables = {
            (name, path): tensorflow_variables(model.get_layer(name), keras)[path]
            for name, path in sorted(places)
        }
        squares = [np.zeros(group.width) for group in groups]
        count = 0
        for gradients in _gradients(model, variables, self.data, self.loss):
            count += 1
            for total, parts in zip(squares, gates, strict=True):
                gate = sum(
                    gate_gradients(
                        graph.layers[part.layer].weight(part.path),
                        gradients[part.layer, part.path],
                        part,
                        len(total),
                    )
                    for part in parts
                )
                total += np.square(gate)
        return [
            total / count if parts else None
            for total, parts in zip(squares, gates, strict=True)
        ]


def _gates(graph: Graph, group: ChannelGroup) -> list[ChannelSlice]:
    """Returns the weights on which the gates of a group stand."""
    consumers = [
        part
        for part in group.slices
        # A separable convolution takes a channel in once, by its first kernel.
        if part.role == "consumer" and not part.path.endswith("pointwise_kernel")
    ]
    covered = {c for part in consumers for c in part.channels.tolist()}
    if covered.issuperset(range(group.width)):
        return consumers
    return [part for part in group.slices if part.role == "producer"]


def _gradients(
    model: Any, variables: dict[tuple[str, str], Any], data: Any, loss: Any
) -> Iterator[dict[tuple[str, str], np.ndarray]]:
    """Yields the gradients of the loss for some weights, batch by batch."""
    for batch in read_samples(data, model, batch_size=BATCH_SIZE, labels=True):
        x, y = tf.nest.map_structure(tf.convert_to_tensor, (batch.x, batch.y))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(variables.values()))
            value = tf.reduce_mean(loss(y, model(x, training=False)))
        if not np.isfinite(value.numpy()):
            raise DataError(
                "The loss must be finite; look at the labels and the loss, and whether "
                f"it takes logits. Received: a loss of {value.numpy()}"
            )
        found = tape.gradient(value, variables, unconnected_gradients="zero")
        yield {key: tf.convert_to_tensor(found[key]).numpy() for key in found}


def _find_loss(loss: Any) -> Callable[[Any, Any], Any]:
    if callable(loss):
        return loss
    try:
        return keras_compat.keras().losses.get(loss)
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            "loss must be the name of a loss of Keras, or a function of labels and "
            f"outputs. Received: loss={loss!r}"
        ) from error
