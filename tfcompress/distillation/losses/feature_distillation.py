"""Feature distillation: the student's features shall equal the teacher's."""

import inspect
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.losses.feature_loss import (
    FeatureLoss,
    LayerNames,
    flatten_shapes,
    sum_of,
)
from tfcompress.distillation.losses.feature_maps import mean_of_sample
from tfcompress.errors import ArgumentError, ModelError


class FeatureDistillation(FeatureLoss):
    """Compares features, or final outputs, by an ordinary loss of Keras.

    Takes the arguments of `keras.distillation.FeatureDistillation`. With `"mse"`, a
    layer in the middle of each model and the regressor this is the hint of FitNets
    (Romero et al., "FitNets: Hints for Thin Deep Nets", 2014,
    https://arxiv.org/abs/1412.6550): mean((r(s) − t)²), where the regressor r is
    learned with the student and dropped from the result. With the mean over elements
    its usual weight is about 100 beside a cross-entropy of weight 1. Alone it is weak;
    train on hints for a few epochs first, or add a loss on logits.

    The loss of a sample is the mean over its elements. Where all features compared are
    sequences of one length, there is a loss for each position, so that padding is
    masked. `"cosine_similarity"` is Keras's own, −cos, from −1 where features point the
    same way to 1.

    Args:
        loss: Name of a Keras loss, its function or class, a `Loss` of either Keras, or
            a function of the teacher's and the student's features; or a list or dict
            of these, one for each output or layer, where None leaves one out. Defaults
            to `"mse"`.
        teacher_layer_name: Name of a layer of the teacher, or a sequence of them. None,
            the default, compares the final outputs.
        student_layer_name: As many names of layers of the student.
        regressor: `"auto"`, the default, learns a regressor where shapes differ;
            `"always"` learns one also where they are equal, None never.

    Raises:
        ArgumentError: If the loss is not known, if all losses are None, or if one layer
            name is given without the other.

    Example:
    ```python
    hint = tfc.distillation.FeatureDistillation(
        "mse", teacher_layer_name="block3", student_layer_name="block2"
    )
    ```
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: LayerNames = None,
        student_layer_name: LayerNames = None,
        *,
        regressor: str | None = "auto",
    ):
        super().__init__(teacher_layer_name, student_layer_name, regressor=regressor)
        self.loss = _map(_resolve, loss)
        self._losses = _leaves(self.loss)
        if all(item is None for item in self._losses):
            raise ArgumentError(
                "loss must hold one loss at least that is not None. "
                f"Received: loss={loss!r}"
            )

    def compare(self, teacher: Any, student: Any, loss: Any = None) -> Any:
        """Returns what the Keras loss gives for each position.

        Args:
            teacher: Float32 tensor of shape `(batch, ...)`.
            student: Float32 tensor of the same shape.
            loss: The loss of this pair. Defaults to the first.
        """
        function = _function(self._losses[0] if loss is None else loss)
        return tf.cast(function(teacher, student), tf.float32)

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of each sample, or position, added over the pairs.

        Args:
            teacher_outputs: Features of the teacher, float tensors of any precision: a
                tensor, or a structure of them.
            student_outputs: The same of the student.
            **kwargs: Ignored.

        Raises:
            ModelError: If the shapes or the structures do not fit.
        """
        count = len(tf.nest.flatten(student_outputs))
        keys = sorted(student_outputs) if isinstance(student_outputs, dict) else None
        self._check_structure(count, keys)
        chosen = [self._losses[i] for i in map(self._place, range(count))]
        pairs = self.pairs(teacher_outputs, student_outputs)
        losses = [item for item in chosen if item is not None]
        values = [
            self.compare(teacher, student, loss)
            for (teacher, student), loss in zip(pairs, losses, strict=True)
        ]
        given = [
            student
            for student, loss in zip(
                tf.nest.flatten(student_outputs), chosen, strict=True
            )
            if loss is not None
        ]
        if not all(map(_has_positions, values, given)):
            values = [mean_of_sample(v) if v.shape.rank else v for v in values]
        return sum_of(values)

    def compares(self, index: int) -> bool:
        """Returns whether a pair has a loss that is not None."""
        return self._losses[self._place(index)] is not None

    def build(self, teacher_shapes: Any, student_shapes: Any, library: Any) -> None:
        """Makes the regressors that are needed, and checks shapes and structure."""
        keys = sorted(student_shapes) if isinstance(student_shapes, dict) else None
        self._check_structure(len(flatten_shapes(student_shapes)), keys)
        super().build(teacher_shapes, student_shapes, library)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "loss": _map(_serialize, self.loss),
            **super().get_config(),
            "regressor": self.regressor,
        }

    def _place(self, index: int) -> int:
        return index if isinstance(self.loss, dict | list) else 0

    def _check_structure(self, count: int, keys: list[str] | None) -> None:
        expected = sorted(self.loss) if isinstance(self.loss, dict) else None
        if isinstance(self.loss, dict | list) and (
            len(self._losses) != count or expected != keys
        ):
            raise ModelError(
                "FeatureDistillation takes one loss for all outputs, or a list or dict "
                "of losses as the outputs are. Received: "
                f"loss={_map(_serialize, self.loss)!r} for {count} output(s)"
                f"{'' if keys is None else f' named {keys}'}"
            )


def _has_positions(values: Any, student: Any) -> bool:
    """Whether values are those of the positions of the student's own sequence."""
    return len(student.shape) == 3 and (
        values.shape.rank == 2 and values.shape[1] == student.shape[1]
    )


def _map(function: Callable[[Any], Any], loss: Any) -> Any:
    """Applies a function to a loss, or to each of a list or dict of losses."""
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: function(item) for key, item in loss.items()}
    if isinstance(loss, list | tuple):
        return [function(item) for item in loss]
    return function(loss)


def _leaves(loss: Any) -> list[Any]:
    """Returns losses in the order in which `tf.nest` gives the outputs."""
    if isinstance(loss, dict):
        return [loss[key] for key in sorted(loss)]
    return loss if isinstance(loss, list) else [loss]


def _resolve(loss: Any) -> Any:
    """Checks a loss; names and None stay, configs and losses of tf_keras cross over."""
    losses = keras_compat.keras().losses
    if loss is None or (callable(loss) and not isinstance(loss, losses.Loss)):
        return keras_compat.cross(loss, keras="keras")
    if isinstance(loss, losses.Loss):
        return loss
    try:
        found = losses.get(loss)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            'loss must be the name of a Keras loss, such as "mse", "mae", "huber" or '
            '"cosine_similarity", a Loss or a function. '
            f"Received: loss={loss!r}"
        ) from error
    return loss if isinstance(loss, str) else found


def _function(loss: Any) -> Callable[[Any, Any], Any]:
    """Returns the function of a loss that gives a value for each sample."""
    losses = keras_compat.keras().losses
    function: Any = losses.get(loss) if isinstance(loss, str) else loss
    return function.call if isinstance(function, losses.Loss) else function


def _serialize(loss: Any) -> Any:
    if loss is None or isinstance(loss, str):
        return loss
    config = keras_compat.keras().losses.serialize(loss)
    if isinstance(loss, keras_compat.keras().losses.Loss):
        # Keras leaves these out for some of its own, such as the delta of Huber.
        taken = inspect.signature(type(loss)).parameters
        settings = vars(loss).get("_fn_kwargs", {})
        config["config"].update({k: v for k, v in settings.items() if k in taken})
    return config
