"""Relations of predictions: correlations within samples and within classes."""

from typing import Any

import tensorflow as tf

from tfcompress.distillation.losses.class_logits_loss import ClassLogitsLoss
from tfcompress.distillation.losses.scheduled_arguments import (
    as_temperature,
    as_weight,
)
from tfcompress.errors import ModelError


def correlation(
    first: Any, second: Any, *, axis: int = -1, epsilon: float = 1e-8
) -> Any:
    """Pearson's correlation of two tensors along an axis.

    Σ (a − ā)(b − b̄) / (‖a − ā‖ · ‖b − b̄‖ + ε): 0 where one does not vary.

    Args:
        first: Float tensor a.
        second: Float tensor b of the same shape.
        axis: Axis to correlate along. Defaults to the last.
        epsilon: ε, added to the product of the norms. Defaults to 1e-8.

    Returns:
        A float32 tensor without that axis, from −1 to 1.

    Example:
    ```python
    from tfcompress.distillation.losses.correlation import correlation

    correlation([1.0, 2.0, 3.0], [6.0, 4.0, 2.0])  # -1.0
    ```
    """
    first, second = _centred(first, axis), _centred(second, axis)
    product = tf.reduce_sum(first * second, axis)
    return product / (_norm(first, axis) * _norm(second, axis) + epsilon)


def inter_class_loss(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """How far the student's order of the classes of a sample is from the teacher's.

    T² · (1 − ρ), with ρ the correlation of softmax(t / T) and softmax(s / T) along the
    classes of a sample.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(batch, ...)`, from 0 to 2 · T².

    Example:
    ```python
    from tfcompress.distillation.losses.correlation import inter_class_loss

    loss = inter_class_loss([[2.0, 0.0, 1.0]], [[0.0, 2.0, 1.0]])
    ```
    """
    q, p = _softened(teacher_logits, student_logits, temperature)
    return _squared(temperature) * (1.0 - correlation(q, p))


def intra_class_loss(
    teacher_logits: Any, student_logits: Any, *, temperature: Any = 1.0
) -> Any:
    """How far the student's order of the samples of a class is from the teacher's.

    T² · (1 − ρ), with ρ the correlation of softmax(t / T) and softmax(s / T) along the
    batch and its positions, in each class.

    Args:
        teacher_logits: Float tensor of shape `(batch, ..., classes)`.
        student_logits: Float tensor of the same shape.
        temperature: Number above 0, or a scalar tensor. Defaults to 1.

    Returns:
        A float32 tensor of shape `(classes,)`, from 0 to 2 · T².

    Example:
    ```python
    from tfcompress.distillation.losses.correlation import intra_class_loss

    loss = intra_class_loss([[2.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [1.0, 1.0]])
    ```
    """
    q, p = (
        tf.reshape(probabilities, (-1, probabilities.shape[-1]))
        for probabilities in _softened(teacher_logits, student_logits, temperature)
    )
    return _squared(temperature) * (1.0 - correlation(q, p, axis=0))


class CorrelationDistillation(ClassLogitsLoss):
    """Teaches the student the teacher's order, of classes and of samples, alone (DIST).

    β · inter + γ · intra, of `inter_class_loss` and the mean of `intra_class_loss` over
    the classes: Huang and others, "Knowledge Distillation from A Stronger Teacher",
    2022, https://arxiv.org/abs/2205.10536. The student need not be as certain as the
    teacher, so that strong teachers, and training recipes of students, do no harm.

    The paper gives it a weight of 2 beside a cross-entropy of 1, with T = 1 on ImageNet
    and 4 on CIFAR. The second part compares the samples of a batch: use batches of
    several samples for each class. Of two classes the correlation of a row is 1 or −1
    whatever the certainty, so the first part would teach nothing but noise, and is
    refused: take `beta=0`, or another loss. A student that gives all classes alike,
    its last layer at 0, has a gradient of the size of 1 / ε: begin from random
    weights.

    Args:
        beta: Weight of the part between classes, 0 or more, or a schedule. Defaults
            to 1.
        gamma: Weight of the part within classes, 0 or more, or a schedule. Defaults
            to 1.
        temperature: T, a number above 0 or a schedule. Defaults to 1.

    Raises:
        ArgumentError: If a number is out of range.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.distillation.losses.correlation import CorrelationDistillation

    loss = CorrelationDistillation(temperature=4.0)
    values = loss.compute_loss(
        tf.constant([[2.0, 0.0], [0.0, 1.0]]), tf.constant([[0.0, 2.0], [1.0, 1.0]])
    )
    ```
    """

    def __init__(self, beta: Any = 1.0, gamma: Any = 1.0, temperature: Any = 1.0):
        self._beta = as_weight(beta, "beta")
        self._gamma = as_weight(gamma, "gamma")
        self._temperature = as_temperature(temperature)

    @property
    def beta(self) -> Any:
        """Weight of the part between classes: a number, or its schedule."""
        return self._beta.given

    @property
    def gamma(self) -> Any:
        """Weight of the part within classes: a number, or its schedule."""
        return self._gamma.given

    @property
    def temperature(self) -> Any:
        """The temperature: a number, or its schedule."""
        return self._temperature.given

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises a `ModelError` if outputs are no logits, or of two classes alone."""
        super().validate_model_compatibility(teacher, student)
        for tensor in student.outputs:
            if tensor.shape[-1] <= 2 and not self._beta.is_always(0.0):
                raise ModelError(
                    "Correlations between classes need three classes at least; of two "
                    "they are 1 or -1 whatever the certainty. Take beta=0, or "
                    "LogitsDistillation. Received: an output of shape "
                    f"{tuple(tensor.shape)}"
                )

    def compute_output_loss(
        self, teacher_logits: Any, student_logits: Any, labels: Any
    ) -> Any:
        """Returns the loss of one output; its part within classes is in each sample."""
        pair, temperature = (teacher_logits, student_logits), self._temperature()
        inter = inter_class_loss(*pair, temperature=temperature)
        intra = tf.reduce_mean(intra_class_loss(*pair, temperature=temperature))
        return self._beta() * inter + self._gamma() * intra

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "beta": self._beta.get_config(),
            "gamma": self._gamma.get_config(),
            "temperature": self._temperature.get_config(),
        }


def _softened(teacher: Any, student: Any, temperature: Any) -> tuple[Any, Any]:
    temperature = tf.cast(temperature, tf.float32)
    teacher, student = (
        tf.nn.softmax(tf.cast(tf.convert_to_tensor(logits), tf.float32) / temperature)
        for logits in (teacher, student)
    )
    return teacher, student


def _centred(values: Any, axis: int) -> Any:
    values = tf.cast(tf.convert_to_tensor(values), tf.float32)
    return values - tf.reduce_mean(values, axis, keepdims=True)


def _norm(values: Any, axis: int) -> Any:
    # A root of 0, where nothing varies, has no gradient.
    return tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(values), axis), 1e-30))


def _squared(temperature: Any) -> Any:
    return tf.square(tf.cast(temperature, tf.float32))
