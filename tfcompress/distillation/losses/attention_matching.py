"""Distillation of the attention of transformers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, Shape, are_equal
from tfcompress.distillation.losses.hidden_states import check_layer_map
from tfcompress.errors import ArgumentError

# Scores at or below are those of positions that are masked.
_MASKED = -1e2
# The smallest probability whose logarithm TensorFlow gives.
_SMALLEST = float(np.finfo(np.float32).tiny)


def score_difference(teacher: Any, student: Any) -> Any:
    """Squared difference of attention scores before the softmax.

    mean((s − t)²) over heads and keys, where scores of −100 or less, which mask a
    position, count as 0.

    Args:
        teacher: Float32 tensor of shape `(batch, heads, queries, keys)`.
        student: Float32 tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, queries)`.

    Example:
    ```python
    score_difference(tf.zeros((2, 4, 5, 5)), tf.ones((2, 4, 5, 5)))  # ones of (2, 5)
    ```
    """
    difference = _visible(student) - _visible(teacher)
    return tf.reduce_mean(tf.square(difference), axis=[1, 3])


def probability_divergence(teacher: Any, student: Any) -> Any:
    """Divergence of the student's attention from the teacher's.

    Σ over keys of a · (log a − log b), mean over heads, with a and b the teacher's and
    the student's attention probabilities.

    Args:
        teacher: Float32 tensor of shape `(batch, heads, queries, keys)`, whose rows sum
            to 1.
        student: Float32 tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, queries)`, 0 where both agree.

    Example:
    ```python
    attention = tf.nn.softmax(tf.random.normal((2, 4, 5, 5)))
    probability_divergence(attention, attention)  # zeros of (2, 5)
    ```
    """
    divergence = tf.reduce_sum(
        teacher * (_logarithm(teacher) - _logarithm(student)), -1
    )
    return tf.reduce_mean(divergence, axis=1)


_FUNCTIONS = {"scores": score_difference, "probabilities": probability_divergence}


class AttentionMatching(FeatureLoss):
    """Teaches the student to attend to what the teacher attends to.

    The layers named must give attention of shape `(batch, heads, queries, keys)`, with
    as many heads on both sides. Keras's `MultiHeadAttention` gives probabilities as its
    second output where it is called with `return_attention_scores=True`: name it
    `"attention:1"`. The loss of a query is added over the pairs of layers; there is one
    for each query, so that padding can be masked.

    - `"probabilities"`: the divergence, as Sun et al., "MobileBERT", 2020,
      https://arxiv.org/abs/2004.02984, and Wang et al., "MiniLM", 2020,
      https://arxiv.org/abs/2002.10957, which takes the last layer alone.
    - `"scores"`: squared differences before the softmax, as Jiao et al., "TinyBERT",
      2019, https://arxiv.org/abs/1909.10351.

    Args:
        layer_map: For each layer of the student, by name, the name of the teacher's
            layer it learns from; `spread_layers` gives the usual choices.
        mode: What the layers give: `"probabilities"`, the default, or `"scores"`.

    Raises:
        ArgumentError: If the map is empty or not of names, or the mode is not known.

    Example:
    ```python
    loss = tfc.distillation.AttentionMatching({"attention2:1": "attention12:1"})
    ```
    """

    def __init__(self, layer_map: Mapping[str, str], *, mode: str = "probabilities"):
        check_layer_map(layer_map)
        super().__init__(list(layer_map.values()), list(layer_map))
        if mode not in _FUNCTIONS:
            raise ArgumentError(
                f"mode must be one of {sorted(_FUNCTIONS)}. Received: mode={mode!r}"
            )
        self.layer_map = dict(layer_map)
        self.mode = mode

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the loss of each query, of shape `(batch, queries)`."""
        return _FUNCTIONS[self.mode](teacher, student)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        if len(teacher) != 4 or len(student) != 4:
            return (
                "they must have the shape (batch, heads, queries, keys); the second "
                'output of a layer "attention" is named "attention:1"'
            )
        if None not in (teacher[1], student[1]) and teacher[1] != student[1]:
            return "they must have as many heads; or compare HiddenStates instead"
        if not are_equal(teacher, student):
            return "they must have the same positions, made by the same tokenizer"
        return None

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"layer_map": self.layer_map, "mode": self.mode}


def _visible(scores: Any) -> Any:
    return tf.where(scores <= _MASKED, 0.0, scores)


def _logarithm(probabilities: Any) -> Any:
    return tf.math.log(tf.maximum(probabilities, _SMALLEST))
