"""How much the answers of a model change when a block is left out."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.data import batches, check_finite, check_labels, describe
from tfcompress.errors import DataError, ModelError
from tfcompress.graph import Block, Graph, Layer, Node, Tensor, Weight
from tfcompress.graph.rewiring import free_name, rewire, with_layers

# Sums over a batch whose quotient, once all batches are added, is the measure.
Sums = tuple[float, float]


def distance(expected: np.ndarray, actual: np.ndarray) -> Sums:
    """Returns the squared distance of outputs, and the squares that it is a share of.

    Args:
        expected: Outputs of the whole model, of any shape.
        actual: Outputs of another, of the same shape.
    """
    return float(np.sum((actual - expected) ** 2)), float(np.sum(expected**2))


def divergence(expected: np.ndarray, actual: np.ndarray) -> Sums:
    """Returns the sum of Kullback-Leibler divergences, and their number.

    Args:
        expected: Logarithms of probabilities of the whole model, `(..., classes)`.
        actual: Those of another, of the same shape.
    """
    sums = np.sum(np.exp(expected) * (expected - actual), axis=-1)
    return float(sums.sum()), float(sums.size)


def cross_entropy(labels: np.ndarray, actual: np.ndarray) -> Sums:
    """Returns the sum of cross-entropies, and their number.

    Args:
        labels: Class numbers `(...)` or `(..., 1)`, or probabilities `(..., classes)`.
        actual: Logarithms of probabilities, `(..., classes)`.

    Raises:
        DataError: If labels do not fit.
    """
    if labels.shape == actual.shape:
        sums = -np.sum(labels * actual, axis=-1)
    elif labels.size == actual[..., 0].size:
        check_labels(labels.reshape(-1), actual.shape[-1])
        numbers = labels.reshape(*actual.shape[:-1], 1).astype(np.int64)
        sums = -np.take_along_axis(actual, numbers, axis=-1)[..., 0]
    else:
        raise DataError(
            "Labels must be class numbers, or one column for each class, of as many "
            f"samples as x. Received: {describe(labels)} for outputs of shape "
            f"{actual.shape}"
        )
    return float(sums.sum()), float(sums.size)


def log_probabilities(outputs: np.ndarray, activation: str | None) -> np.ndarray:
    """Returns the logarithms of class probabilities.

    Args:
        outputs: Outputs of a classifier, `(..., classes)`; one column stands for the
            second of two classes.
        activation: What they end in: `"softmax"`, `"sigmoid"`, or None for logits.
    """
    if activation == "softmax" or (activation == "sigmoid" and outputs.shape[-1] == 1):
        shares = outputs
        if activation == "sigmoid":
            shares = np.concatenate([1 - outputs, outputs], axis=-1)
        return np.log(np.clip(shares, 1e-7, 1.0))
    logits = outputs
    if outputs.shape[-1] == 1:
        logits = np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


class GatedModel:
    """A model each of whose blocks can be left out while it runs.

    Behind the branch of each block stands a batch normalization that does nothing, or,
    with a scale of zero, leaves nothing. So the model is built once.

    Args:
        graph: The model, without models inside it.
        blocks: The blocks that may be left out.
        keras: The Keras to build it in.
    """

    def __init__(self, graph: Graph, blocks: Sequence[Block], *, keras: str) -> None:
        names: dict[str, str] = {}
        for block in blocks:
            names[block.name] = free_name(graph, f"gate{len(names)}")
            graph = _with_gate(graph, block, names[block.name])
        self._model = keras_compat.build(graph, keras=keras)
        self._gates = {
            block: self._model.get_layer(name).gamma for block, name in names.items()
        }
        self._activations = keras_compat.output_activations(self._model)

    def measure(
        self, removed: Sequence[str], blocks: Sequence[str], data: Any, measure: str
    ) -> dict[str, float]:
        """Measures the model with each of some blocks left out.

        Args:
            removed: Names of the blocks that are left out all the time.
            blocks: Names of the blocks to leave out one at a time.
            data: Data in a form that `tfcompress.data.batches` accepts.
            measure: One of `MEASURES`.

        Returns:
            For each of the blocks what was measured without it.

        Raises:
            DataError: If the data does not fit the model or the measure.
            ModelError: If the outputs do not fit the measure, or are not finite.
        """
        compare = MEASURES[measure]
        sums: dict[str, list[Any]] = {name: [] for name in blocks}
        for batch in batches(data):
            check_finite(batch.x, "x")
            whole = _Answers(self._outputs(batch.x, ()), self._activations, batch.y)
            whole.check_finite()
            for name in blocks:
                outputs = self._outputs(batch.x, [*removed, name])
                answers = _Answers(outputs, self._activations, batch.y)
                sums[name].append(compare(whole, answers))
        return {name: _quotient(np.array(parts)) for name, parts in sums.items()}

    def _outputs(self, x: Any, without: Sequence[str]) -> list[np.ndarray]:
        for name, gamma in self._gates.items():
            gamma.assign(np.full(gamma.shape, name not in without, np.float32))
        outputs = self._model.predict_on_batch(x)
        flat = keras_compat.flatten(outputs, "keras")
        return [np.asarray(output, np.float64) for output in flat]


@dataclasses.dataclass(frozen=True, eq=False)
class _Answers:
    """What a model says to a batch, and the labels of the batch."""

    outputs: list[np.ndarray]
    activations: Sequence[str | None]
    labels: Any

    def check_finite(self) -> None:
        if not all(np.isfinite(output).all() for output in self.outputs):
            raise ModelError(
                "The outputs of the model must be finite; look for values of x that "
                "are too large. Received: NaN or infinite outputs"
            )

    def log_probabilities(self) -> np.ndarray:
        if len(self.outputs) != 1:
            raise ModelError(
                "Probabilities are compared for classifiers with one output; use "
                f"importance='distance'. Received: {len(self.outputs)} outputs"
            )
        return log_probabilities(self.outputs[0], self.activations[0])

    def loss(self) -> Sums:
        if self.labels is None:
            raise DataError(
                "Labels are needed for importance='loss'; pass data=(x, y), or use "
                "'divergence'. Received: data without labels"
            )
        return cross_entropy(np.asarray(self.labels), self.log_probabilities())


def _distances(whole: _Answers, answers: _Answers) -> list[Sums]:
    pairs = zip(whole.outputs, answers.outputs, strict=True)
    return [distance(one, other) for one, other in pairs]


def _divergences(whole: _Answers, answers: _Answers) -> list[Sums]:
    return [divergence(whole.log_probabilities(), answers.log_probabilities())]


def _rise_of_loss(whole: _Answers, answers: _Answers) -> list[Sums]:
    (before, count), (after, _) = whole.loss(), answers.loss()
    return [(after - before, count)]


# For each output of the model, the sums of one batch.
MEASURES: dict[str, Callable[[_Answers, _Answers], list[Sums]]] = {
    "distance": _distances,
    "divergence": _divergences,
    "loss": _rise_of_loss,
}


def _quotient(parts: np.ndarray) -> float:
    """Returns the mean over outputs of the quotient of the sums over batches."""
    above, below = parts.sum(axis=0).T
    value = float(np.mean(above / np.maximum(below, np.finfo(np.float64).tiny)))
    return value if np.isfinite(value) else float("inf")


def _with_gate(graph: Graph, block: Block, name: str) -> Graph:
    """Returns a graph in which the branch of a block passes through a gate."""
    assert block.branch is not None
    spec = graph.node(block.branch.node).outputs[block.branch.index]
    axis = max(axis for axis, size in enumerate(spec.shape) if axis and size)
    width, epsilon = spec.shape[axis], 1e-3
    ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)  # type: ignore[arg-type]
    weights = (
        Weight("gamma", ones),
        Weight("beta", zeros),
        Weight("moving_mean", zeros),
        Weight("moving_variance", ones - np.float32(epsilon)),
    )
    config = {"axis": axis, "epsilon": epsilon}
    layer = Layer(name, "BatchNormalization", config, weights)
    graph = rewire(graph, {block.branch: Tensor(name)})
    node = Node(name, name, (block.branch,), outputs=(spec,))
    nodes: list[Node] = []
    for item in graph.nodes:
        nodes += [item, node] if item.name == block.branch.node else [item]
    return dataclasses.replace(with_layers(graph, [layer]), nodes=tuple(nodes))
