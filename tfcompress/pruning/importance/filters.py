"""The weights of each channel, layer by layer, as rows of a matrix."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tfcompress.graph import ChannelGroup, ChannelSlice, Graph


def filters_of(weight: np.ndarray, part: ChannelSlice) -> tuple[np.ndarray, np.ndarray]:
    """Returns all the numbers of a weight that belong to each channel.

    Args:
        weight: The weight that `part` is a slice of.
        part: Where the channels lie on it.

    Returns:
        The channels that lie on it, in order, and a matrix of float64 with a row for
        each of them. A channel that lies on it less often than another, as in a
        model's concatenation of a tensor with a part of it, has zeros at the end.
    """
    rows = np.moveaxis(weight, part.axis, 0).astype(np.float64)
    rows = rows.reshape(len(rows), -1)
    channels = np.unique(part.channels[part.channels >= 0])
    places = [part.indices(channel) for channel in channels]
    longest = max(map(len, places), default=0)
    filters = np.zeros((len(channels), longest, rows.shape[1]))
    for row, place in zip(filters, places, strict=True):
        row[: len(place)] = rows[place]
    return channels, filters.reshape(len(channels), longest * rows.shape[1])


def score_filters(
    graph: Graph,
    group: ChannelGroup,
    formula: Callable[[np.ndarray], np.ndarray],
    roles: Sequence[str],
) -> np.ndarray | None:
    """Scores the channels of a group by a formula on the kernels that they lie on.

    In each kernel the scores are divided by their mean, so that each layer has the
    same say, and then averaged over the kernels.

    Args:
        graph: The model.
        group: A group of it.
        formula: From a matrix with a row for each channel to a score for each.
        roles: The roles, of `ChannelSlice`, whose kernels count.

    Returns:
        The scores, of shape `(width,)`, or None if a channel lies on no such kernel.
    """
    scores = (
        (channels, relative(formula(filters)))
        for part, weight in kernels_of(graph, group, roles)
        for channels, filters in [filters_of(weight, part)]
    )
    return average(group.width, scores)


def kernels_of(
    graph: Graph, group: ChannelGroup, roles: Sequence[str]
) -> Iterator[tuple[ChannelSlice, np.ndarray]]:
    """Yields the slices of a group on kernels: weights of two axes, but no biases."""
    for part in group.slices:
        weight = graph.layers[part.layer].weight(part.path)
        is_bias = part.path.rsplit("/", 1)[-1] == "bias"
        if part.role in roles and weight.ndim >= 2 and not is_bias:
            yield part, weight


def relative(scores: np.ndarray) -> np.ndarray:
    """Returns scores divided by their mean; zeros stay zeros."""
    mean = scores.mean() if len(scores) else 0.0
    return scores / mean if mean else scores


def average(
    width: int, scores: Iterator[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray | None:
    """Averages scores of some channels each, or returns None if one has none.

    Args:
        width: How many channels there are.
        scores: Pairs of channels and their scores.
    """
    total, count = np.zeros(width), np.zeros(width)
    for channels, values in scores:
        total[channels] += values
        count[channels] += 1
    return total / count if count.all() else None
