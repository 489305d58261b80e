"""How the demo trains a classifier."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from tfcompress.data import length
from tfcompress.errors import ArgumentError

Arrays = tuple[Any, Any]


@dataclasses.dataclass(frozen=True)
class ClassifierTraining:
    """Trains a classifier that ends in logits, with Adam and a cosine learning rate.

    Attributes:
        epochs: Passes over the data, 1 or more.
        batch_size: Samples in a step.
        learning_rate: Where the learning rate starts; it falls to 0 as a cosine.
    """

    epochs: int
    batch_size: int = 32
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(
                    f"{name} must be a whole number of 1 or more. "
                    f"Received: {name}={value!r}"
                )

    def run(
        self,
        model: Any,
        train: Arrays,
        validation: Arrays,
        callbacks: Sequence[Any] = (),
    ) -> None:
        """Compiles and trains a model, or a `Distiller`.

        Args:
            model: A model of either Keras that takes training objects of Keras 3.
            train: Inputs and class numbers.
            validation: The same, for the figures after each epoch.
            callbacks: Keras callbacks.
        """
        steps = -(-length(train[0]) // self.batch_size) * self.epochs
        model.compile(
            keras.optimizers.Adam(
                keras.optimizers.schedules.CosineDecay(self.learning_rate, steps)
            ),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.fit(
            *train,
            validation_data=validation,
            epochs=self.epochs,
            batch_size=self.batch_size,
            callbacks=list(callbacks),
            verbose=0,
        )
