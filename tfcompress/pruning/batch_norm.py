"""Batch normalization after pruning: its statistics, estimated anew on data."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.errors import DataError, ModelError
from tfcompress.graph import (
    Graph,
    Layer,
    Node,
    cast_to_float32,
    drop_training_layers,
    flatten_models,
)
from tfcompress.pruning.importance.samples import read_samples
from tfcompress.pruning.structured import check_whole
from tfcompress.pruning.weight_pruning import check_unwrapped


class Moments(NamedTuple):
    """Mean and variance of some numbers.

    Attributes:
        size: How many numbers there are.
        mean: Their mean, of shape `(channels,)`.
        variance: The mean of the squared distances from it.
    """

    size: int
    mean: np.ndarray
    variance: np.ndarray


def merge_moments(first: Moments, second: Moments) -> Moments:
    """Returns the moments of two sets of numbers together.

    The variance is the mean of both variances and the variance of both means: the law
    of total variance.
    """
    size = first.size + second.size
    shares = first.size / size, second.size / size
    mean = shares[0] * first.mean + shares[1] * second.mean
    within = shares[0] * first.variance + shares[1] * second.variance
    between = shares[0] * shares[1] * (first.mean - second.mean) ** 2
    return Moments(size, mean, within + between)


def recalibrate_batch_norm(
    model: Any, data: Any, *, batch_size: int = 256, steps: int | None = None
) -> Any:
    """Returns a copy of a model whose batch normalization fits it again.

    Pruning changes what reaches a BatchNormalization, and its moving mean and variance
    are those of before. Here the model is run on data, each BatchNormalization with the
    statistics of the batch as in training and all else as at inference, and they become
    the mean and the variance over all batches: no momentum, nothing left of what they
    were. Few batches, of unlabelled data, do. Li et al., "EagleEye: Fast Sub-net
    Evaluation for Efficient Neural Network Pruning", 2020,
    https://arxiv.org/abs/2007.02491.

    A BatchNormalization within another layer, such as TimeDistributed, stays as it is.

    Args:
        model: A built functional or Sequential model of either Keras. It is not
            changed.
        data: Inputs like those of the application, in a form that
            `tfcompress.data.batches` accepts; labels in it are not used.
        batch_size: Samples in a batch, where `data` holds whole arrays. Large batches
            give better estimates in models with one BatchNormalization after the
            other. Defaults to 256.
        steps: How many batches to run at the most. Defaults to all.

    Returns:
        A model of the same Keras with weights of its own.

    Raises:
        ModelError: If the model cannot be used as it is, is still being pruned, or has
            no BatchNormalization.
        DataError: If the data is empty or not finite, does not fit the inputs of the
            model, or gives a channel fewer than two values, which have no variance.
        ArgumentError: If `batch_size` or `steps` is not a whole number of 1 or more.

    Example:
    ```python
    model = tfc.pruning.recalibrate_batch_norm(model, x)
    ```
    """
    batch_size = check_whole(batch_size, "batch_size")
    if steps is not None:
        steps = check_whole(steps, "steps")
    keras_compat.check_model(model)
    check_unwrapped(model)
    graph = keras_compat.read(model)
    flat = flatten_models(graph)
    layers = {name: layer for name, layer in flat.layers.items() if _is_norm(layer)}
    if not layers:
        raise ModelError(
            "The model has no BatchNormalization whose statistics could be estimated. "
            f"Received: model {model.name!r}"
        )
    keras = "tf_keras" if keras_compat.is_tf_keras(model) else "keras"
    found = _measure(flat, keras, data, batch_size, steps)
    moments = {id(layers[name].weights): value for name, value in found.items()}
    return keras_compat.build(_with_moments(graph, moments, {}), keras=keras)


def _is_norm(layer: Layer) -> bool:
    return layer.kind == "BatchNormalization"


def _measure(
    graph: Graph, keras: str, data: Any, batch_size: int, steps: int | None
) -> dict[str, Moments]:
    """Returns the moments of what reaches each BatchNormalization, by its name."""
    taps, nodes = _in_training(drop_training_layers(cast_to_float32(graph)))
    model = keras_compat.build(taps, keras=keras, trusted=True)
    axes = [_other_axes(node, taps.layers[node.layer].config["axis"]) for node in nodes]

    @tf.function(reduce_retracing=True)
    def run(x: Any) -> list[tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        tensors = tf.nest.flatten(model(x))
        found = []
        for tensor, others in zip(tensors, axes, strict=True):
            count = tf.reduce_prod(tf.gather(tf.shape(tensor), others))
            found.append((count, *tf.nn.moments(tensor, others)))
        return found

    merged: dict[str, Moments] = {}
    samples = read_samples(data, model, batch_size=batch_size, labels=False)
    for batch in itertools.islice(samples, steps):
        for node, (count, mean, variance) in zip(nodes, run(batch.x), strict=True):
            new = Moments(
                int(count),
                mean.numpy().astype(np.float64),
                variance.numpy().astype(np.float64),
            )
            name = node.layer
            merged[name] = merge_moments(merged[name], new) if name in merged else new
    for name, found in merged.items():
        if found.size < 2:
            raise DataError(
                "A variance takes two values of each channel at least: give more data. "
                f"Received: {found.size} value(s) of each channel of layer {name!r}"
            )
    return merged


def _in_training(graph: Graph) -> tuple[Graph, list[Node]]:
    """Returns a graph that gives what reaches each BatchNormalization, in training."""
    layers = {
        name: dataclasses.replace(layer, trainable=True) if _is_norm(layer) else layer
        for name, layer in graph.layers.items()
    }
    calls = [node for node in graph.nodes if _is_norm(graph.layers[node.layer])]
    nodes = tuple(
        dataclasses.replace(node, keywords={**node.keywords, "training": True})
        if _is_norm(graph.layers[node.layer])
        else node
        for node in graph.nodes
    )
    changed = dataclasses.replace(
        graph,
        layers=layers,
        nodes=nodes,
        outputs=[node.inputs()[0] for node in calls],
        kind="Functional",
        trainable=True,
    )
    return changed, calls


def _other_axes(node: Node, axis: Any) -> list[int]:
    rank = len(node.outputs[0].shape)
    (axis,) = axis if isinstance(axis, list | tuple) else (axis,)
    return [other for other in range(rank) if other != axis % rank]


def _with_moments(
    graph: Graph, moments: Mapping[int, Moments], seen: dict[int, Layer]
) -> Graph:
    """Returns a graph with other statistics, in models inside it too."""
    layers = {}
    for name, layer in graph.layers.items():
        if id(layer) not in seen:
            seen[id(layer)] = _layer_with_moments(layer, moments, seen)
        layers[name] = seen[id(layer)]
    return dataclasses.replace(graph, layers=layers)


def _layer_with_moments(
    layer: Layer, moments: Mapping[int, Moments], seen: dict[int, Layer]
) -> Layer:
    if layer.graph is not None:
        inner = _with_moments(layer.graph, moments, seen)
        return dataclasses.replace(layer, graph=inner)
    if not _is_norm(layer):
        return layer
    found = moments[id(layer.weights)]
    dtype = layer.weight("moving_mean").dtype
    return layer.with_weights(
        {
            "moving_mean": found.mean.astype(dtype),
            "moving_variance": found.variance.astype(dtype),
        }
    )
