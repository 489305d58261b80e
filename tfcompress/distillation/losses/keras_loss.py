"""A loss of `keras.distillation` as one of ours."""

from collections.abc import Mapping
from typing import Any, Self

import keras

from tfcompress.distillation.losses.loss import DistillationLoss


class KerasLoss(DistillationLoss):
    """Computes a loss of `keras.distillation`, as that computes it.

    It gives one number for a batch, so sample weights and masks do not reach it.

    Args:
        loss: A `keras.distillation.DistillationLoss`.

    Example:
    ```python
    import keras

    loss = KerasLoss(keras.distillation.FeatureDistillation("mse", "block", "block"))
    ```
    """

    def __init__(self, loss: Any):
        self.loss = loss
        if isinstance(loss, keras.distillation.FeatureDistillation):
            self.teacher_layers = _names(loss.teacher_layer_name)
            self.student_layers = _names(loss.student_layer_name)

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any
    ) -> Any:
        """Returns the loss of the batch."""
        return self.loss.compute_loss(teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the loss as Keras serializes it."""
        return {"loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the loss from what `get_config` returned."""
        return cls(keras.saving.deserialize_keras_object(config["loss"]))


def _names(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)
