"""How a stage trains."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from tfcompress.pipeline.fields import Count, Positive, Share, check_fields


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How long and with what a stage trains.

    Attributes:
        epochs: Passes over the data, 1 or more. Defaults to 10.
        batch_size: Samples in a step, where the data is arrays. A data set of batches
            is taken as it is. Defaults to 32.
        optimizer: Name of a Keras optimizer, such as `"adam"` or `"sgd"`, or its
            config: `{"class_name": "AdamW", "config": {"weight_decay": 1e-4}}`.
        learning_rate: Where the learning rate starts, after the warm-up. Defaults to
            1e-3.
        schedule: `"cosine"` falls to 0 along a cosine, `"constant"` stays.
        warmup: Share of all steps in which the learning rate rises from 0. Defaults
            to 0.
        loss: Name of a Keras loss on the model's own outputs. Defaults to the loss that
            the model was compiled with, else to what its outputs and labels call for.
        patience: Epochs without a smaller loss on the validation data after which the
            training ends, with the weights of its best epoch. Epochs in which weights
            are still being pruned do not count. Defaults to all epochs being done, with
            the weights of the last.
        metrics: Names of Keras metrics shown after each epoch. Default to accuracy for
            classes and mean absolute error for numbers.

    Raises:
        ArgumentError: If a value has another type or is out of range.

    Example:
    ```python
    training = tfc.pipeline.Training(epochs=20, batch_size=128, learning_rate=2e-3)
    ```
    """

    epochs: Count = 10
    batch_size: Count = 32
    optimizer: str | Mapping[str, Any] = "adam"
    learning_rate: Positive = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: Share = 0.0
    loss: str | None = None
    patience: Count | None = None
    metrics: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
