"""Cross-layer equalization: channels of like size, for a grid that they share."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfcompress.graph.bias import read_bias, write_bias
from tfcompress.graph.channel_pairs import ChannelPair
from tfcompress.graph.graph import Graph, Layer
from tfcompress.graph.grouped_kernel import read_grouped, write_grouped
from tfcompress.graph.rewiring import with_layers

SWEEPS = 100  # Over all pairs, at the most.
TOLERANCE = 1e-3  # Largest change of a channel by the last sweep, as a logarithm.
_NOTHING = 1e-8  # Of the largest weight of a layer: a channel below it is left alone.


def equalizing_scale(made: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Returns by what each channel is to be divided where it is made.

    `s = sqrt(made * taken) / taken`, after which the weights that make the channel and
    those that take it in reach equally far. It is 1 where either are as good as zero.

    Args:
        made: Greatest absolute value of the weights that make each channel.
        taken: The same of the weights that take it in, to be multiplied by the scale.

    Example:
    ```python
    import numpy as np
    from tfcompress.graph.equalization import equalizing_scale

    assert equalizing_scale(np.array([8.0]), np.array([2.0])).tolist() == [2.0]
    ```
    """
    alive = (made > _NOTHING * made.max()) & (taken > _NOTHING * taken.max())
    made, taken = np.where(alive, made, 1.0), np.where(alive, taken, 1.0)
    return np.sqrt(made * taken) / taken


def equalize_channels(graph: Graph, pairs: Sequence[ChannelPair]) -> Graph:
    """Returns a graph that computes the same with channels of like size.

    For each pair the weights that make a channel are divided by a number and those that
    take it in multiplied by it, again and again until little changes. Nagel et al.,
    "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
    https://arxiv.org/abs/1906.04721, section 4.1.

    Args:
        graph: A graph without models inside it. It is not changed.
        pairs: The pairs of layers, as `find_pairs` gives them for this graph.

    Example:
    ```python
    import keras
    from tfcompress.graph import equalize_channels, find_pairs
    from tfcompress.keras_compat import build, read

    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    graph = read(keras.Sequential([keras.Input((4,)), *layers]))
    pairs, _ = find_pairs(graph)
    model = build(equalize_channels(graph, pairs), keras="keras")
    ```
    """
    reaches: dict[str, np.ndarray] = {}
    for pair in pairs:
        for name, copies in ((pair.producer, 1), (pair.consumer, pair.copies)):
            # A layer in the middle of two pairs is known by its inputs.
            if copies > 1 or name not in reaches:
                reaches[name] = _reach(graph.layers[name], copies)
    scales = [np.ones(1) for _ in pairs]
    for _ in range(SWEEPS):
        found = [_sweep(reaches, pair) for pair in pairs]
        scales = [old * new for old, new in zip(scales, found, strict=True)]
        changes = [np.abs(np.log(scale)).max() for scale in found]
        if max(changes, default=0.0) < TOLERANCE:
            break
    for pair, scale in zip(pairs, scales, strict=True):
        producer, consumer = graph.layers[pair.producer], graph.layers[pair.consumer]
        made, taken = read_grouped(producer), read_grouped(consumer)
        bias = read_bias(producer)
        producer = write_grouped(producer, made / scale.reshape(made.shape[2:]))
        if bias.any():
            producer = write_bias(producer, bias / scale)
        factors = _factors(np.tile(scale, pair.copies), taken.shape[1])
        consumer = write_grouped(consumer, taken * factors)
        graph = with_layers(graph, [producer, consumer])
    return graph


def absorb_biases(
    graph: Graph, pairs: Sequence[ChannelPair], amounts: Mapping[str, np.ndarray]
) -> Graph:
    """Returns a graph in which later biases do a part of earlier ones.

    What a channel has at the least is taken off the bias where it is made and, times
    the weights that take it in, put into the bias there: section 4.1.3 of the paper of
    `equalize_channels`. The graph computes the same wherever the channel is not below
    this amount, and the channel needs a smaller range.

    Args:
        graph: A graph without models inside it. It is not changed.
        pairs: Pairs of layers of the graph, none of them padded.
        amounts: For the name of each producer what to take off each of its channels:
            arrays of shape `(channels,)`, nowhere below 0.

    Example:
    ```python
    import keras
    import numpy as np
    from tfcompress.graph import absorb_biases, find_pairs
    from tfcompress.keras_compat import build, read

    ones = keras.layers.Dense(3, "relu", bias_initializer="ones", name="hidden")
    model = keras.Sequential([keras.Input((4,)), ones, keras.layers.Dense(2)])
    pairs, _ = find_pairs(read(model))
    absorbed = absorb_biases(read(model), pairs, {"hidden": np.full(3, 0.5)})
    ```
    """
    for pair in pairs:
        amount = amounts[pair.producer].astype(np.float64)
        if not amount.any():
            continue
        producer, consumer = graph.layers[pair.producer], graph.layers[pair.consumer]
        kernel = read_grouped(consumer).astype(np.float64)
        _, inputs, groups, _ = kernel.shape
        taken = np.tile(amount, pair.copies).reshape(groups, inputs)
        moved = np.einsum("pigo,gi->go", kernel, taken).reshape(-1)
        producer = write_bias(producer, read_bias(producer) - amount)
        consumer = write_bias(consumer, read_bias(consumer) + moved)
        graph = with_layers(graph, [producer, consumer])
    return graph


def _reach(layer: Layer, copies: int) -> np.ndarray:
    """Returns the greatest absolute weights between inputs and outputs of a layer.

    Args:
        layer: The layer.
        copies: How many inputs each channel is.

    Returns:
        An array of shape `(inputs, groups, outputs)`, without the copies.
    """
    reach = np.abs(read_grouped(layer)).max(axis=0).astype(np.float64)
    inputs, groups, outputs = reach.shape
    return reach.reshape(copies, inputs // copies, groups, outputs).max(axis=0)


def _sweep(reaches: dict[str, np.ndarray], pair: ChannelPair) -> np.ndarray:
    """Scales what the layers of a pair reach; returns the scale of each channel."""
    first, second = reaches[pair.producer], reaches[pair.consumer]
    made = first.max(axis=0).reshape(-1)
    taken = second.max(axis=2).T.reshape(-1)
    scale = equalizing_scale(made, taken)
    reaches[pair.producer] = first / scale.reshape(first.shape[1:])
    reaches[pair.consumer] = second * _factors(scale, second.shape[0])
    return scale


def _factors(scale: np.ndarray, inputs: int) -> np.ndarray:
    """Returns a factor for each input: `(inputs, groups, 1)`."""
    return scale.reshape(-1, inputs).T[..., np.newaxis]
