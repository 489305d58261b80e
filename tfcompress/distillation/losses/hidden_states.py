"""Distillation of the hidden states of transformers."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.feature_loss import FeatureLoss, Shape, are_equal
from tfcompress.errors import ArgumentError


def mean_squared_difference(teacher: Any, student: Any) -> Any:
    """Returns mean((s − t)²) over the width, for each position.

    Args:
        teacher: Float32 tensor of shape `(batch, ..., width)`.
        student: Float32 tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    mean_squared_difference(tf.zeros((2, 5, 8)), tf.ones((2, 5, 8)))  # ones of (2, 5)
    ```
    """
    return tf.reduce_mean(tf.square(student - teacher), axis=-1)


def normalized_difference(teacher: Any, student: Any) -> Any:
    """Returns mean((s / ‖s‖ − t / ‖t‖)²) over the width, for each position.

    Args:
        teacher: Float32 tensor of shape `(batch, ..., width)`.
        student: Float32 tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, ...)`.

    Example:
    ```python
    normalized_difference(tf.ones((2, 5, 8)), 3 * tf.ones((2, 5, 8)))  # zeros
    ```
    """
    return mean_squared_difference(_unit(teacher), _unit(student))


def cosine_distance(teacher: Any, student: Any) -> Any:
    """Returns 1 − cos(s, t) for each position.

    Args:
        teacher: Float32 tensor of shape `(batch, ..., width)`.
        student: Float32 tensor of the same shape.

    Returns:
        A float32 tensor of shape `(batch, ...)`, from 0 to 2.

    Example:
    ```python
    cosine_distance(tf.ones((2, 5, 8)), -tf.ones((2, 5, 8)))  # twos
    ```
    """
    return 1.0 - tf.reduce_sum(_unit(teacher) * _unit(student), axis=-1)


_FUNCTIONS = {
    "mse": mean_squared_difference,
    "normalized_mse": normalized_difference,
    "cosine": cosine_distance,
}


class HiddenStates(FeatureLoss):
    """Teaches the student the teacher's hidden states, layer by layer.

    The loss of a position is added over the pairs of layers; there is one for each
    position, so that padding can be masked.

    - `"mse"`: Jiao et al., "TinyBERT", 2019, https://arxiv.org/abs/1909.10351. Where
      widths differ a projection is learned with the student and dropped afterwards.
    - `"normalized_mse"`: Sun et al., "Patient Knowledge Distillation for BERT Model
      Compression", 2019, https://arxiv.org/abs/1908.09355, with the mean over the width
      as the authors' code has it, and `position=0`; weights of 10 to 500.
    - `"cosine"`: Sanh et al., "DistilBERT", 2019, https://arxiv.org/abs/1910.01108, on
      the last hidden states, with weight 1 beside 5 for the logits.

    Args:
        layer_map: For each layer of the student, by name, the name of the teacher's
            layer it learns from; `spread_layers` gives the usual choices.
        mode: `"mse"`, the default, `"normalized_mse"` or `"cosine"`.
        position: Index of the one position to look at, such as 0 for the class token;
            None, the default, looks at all.
        regressor: `"auto"`, the default, learns a projection where widths differ;
            `"always"` learns one also where they are equal, None never.

    Raises:
        ArgumentError: If the map is empty or not of names, or the mode is not known.

    Example:
    ```python
    chosen = tfc.distillation.spread_layers(4, 12)
    loss = tfc.distillation.HiddenStates(
        {f"student_block{i}": f"teacher_block{j}" for i, j in chosen.items()}
    )
    ```
    """

    def __init__(
        self,
        layer_map: Mapping[str, str],
        *,
        mode: str = "mse",
        position: int | None = None,
        regressor: str | None = "auto",
    ):
        check_layer_map(layer_map)
        super().__init__(list(layer_map.values()), list(layer_map), regressor=regressor)
        if mode not in _FUNCTIONS:
            raise ArgumentError(
                f"mode must be one of {sorted(_FUNCTIONS)}. Received: mode={mode!r}"
            )
        if position is not None and not isinstance(position, int):
            raise ArgumentError(
                "position must be the index of a position, or None for all. "
                f"Received: position={position!r}"
            )
        self.layer_map = dict(layer_map)
        self.mode = mode
        self.position = position

    def compare(self, teacher: Any, student: Any) -> Any:
        """Returns the loss of each position, or of the one that was chosen."""
        if self.position is not None:
            teacher, student = teacher[:, self.position], student[:, self.position]
        return _FUNCTIONS[self.mode](teacher, student)

    def needs_regressor(self, teacher: Shape, student: Shape) -> bool:
        """Returns whether a pair is to have a projection; of the width alone."""
        same_positions = are_equal(teacher[:-1], student[:-1])
        return same_positions and super().needs_regressor(teacher, student)

    def misfit(self, teacher: Shape, student: Shape) -> str | None:
        """Says what is wrong with two shapes, or returns None."""
        if len(teacher) < 2 + (self.position is not None):
            return "they must have the shape (batch, length, width)"
        if not are_equal(teacher[:-1], student[:-1]):
            return "they must have the same positions, made by the same tokenizer"
        return super().misfit(teacher, student)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "layer_map": self.layer_map,
            "mode": self.mode,
            "position": self.position,
            "regressor": self.regressor,
        }


def spread_layers(
    n_student: int, n_teacher: int, strategy: str = "uniform"
) -> dict[int, int]:
    """Returns which layer of the teacher each layer of the student learns from.

    - `"uniform"`: the last of every n_teacher / n_student layers, as TinyBERT takes
      them; of 12 for 6: 1, 3, 5, 7, 9, 11.
    - `"skip"`: the same without the last layer, which the logits teach, as PKD-Skip
      takes them; of 12 for 6: 1, 3, 5, 7, 9.
    - `"last"`: the last layers, but for the very last, as PKD-Last takes them; of 12
      for 6: 6, 7, 8, 9, 10.

    Args:
        n_student: Number of the student's layers.
        n_teacher: Number of the teacher's layers, no fewer.
        strategy: `"uniform"`, the default, `"skip"` or `"last"`.

    Returns:
        The number of the teacher's layer for that of the student's, both from 0.

    Raises:
        ArgumentError: If the student has more layers, none, or just one for a strategy
            that leaves out the last; or the strategy is not known.

    Example:
    ```python
    spread_layers(4, 12)  # {0: 2, 1: 5, 2: 8, 3: 11}
    ```
    """
    if strategy not in ("uniform", "skip", "last"):
        raise ArgumentError(
            'strategy must be "uniform", "skip" or "last". '
            f"Received: strategy={strategy!r}"
        )
    fewest = 1 if strategy == "uniform" else 2
    if not fewest <= n_student <= n_teacher:
        raise ArgumentError(
            f"The student must have {fewest} layers at least for {strategy!r}, and no "
            "more than the teacher. "
            f"Received: n_student={n_student}, n_teacher={n_teacher}"
        )
    if strategy == "last":
        return {i: n_teacher - n_student + i for i in range(n_student - 1)}
    matched = n_student if strategy == "uniform" else n_student - 1
    return {i: (i + 1) * n_teacher // n_student - 1 for i in range(matched)}


def check_layer_map(layer_map: Any) -> None:
    """Raises an error unless this maps names of layers to names of layers.

    Args:
        layer_map: What the user gave.

    Raises:
        ArgumentError: Says what is expected.
    """
    if (
        not isinstance(layer_map, Mapping)
        or not layer_map
        or not all(isinstance(n, str) for pair in layer_map.items() for n in pair)
    ):
        raise ArgumentError(
            "layer_map must give, for the name of one layer of the student at least, "
            "the name of a layer of the teacher: {student_layer: teacher_layer}. "
            f"Received: layer_map={layer_map!r}"
        )


def _unit(vectors: Any) -> Any:
    return tf.math.l2_normalize(vectors, axis=-1, epsilon=1e-24)
