"""Quantization-aware training of a model that teaches itself."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress import data as data_module
from tfcompress import keras_compat
from tfcompress.distillation import Distiller, LogitsDistillation
from tfcompress.errors import ArgumentError
from tfcompress.keras_compat.logits_part import logits_part
from tfcompress.quantization import QuantizationAwareTraining, calibrate

_EPOCHS = 3
_BATCH_SIZE = 32
_LEARNING_RATE = 1e-4
_TEMPERATURE = 2.0
_SETTINGS = ("epochs", "optimizer", "batch_size", "callbacks")


def check_fine_tune(settings: Any) -> dict[str, Any]:
    """Returns the settings of a training.

    Raises:
        ArgumentError: If they are no mapping, or one is not known.
    """
    if settings is None:
        return {}
    unknown = True
    if isinstance(settings, Mapping):
        unknown = bool(set(settings) - set(_SETTINGS))
    epochs = 1 if unknown else settings.get("epochs", _EPOCHS)
    whole = isinstance(epochs, int | np.integer) and not isinstance(epochs, bool)
    if unknown or not whole or epochs < 1:
        raise ArgumentError(
            f"fine_tune is a mapping that may hold {list(_SETTINGS)}, epochs being a "
            f"whole number of 1 or more. Received: fine_tune={settings!r}"
        )
    return dict(settings)


def train_rounded(
    model: Any,
    train: Any,
    *,
    settings: Mapping[str, Any],
    layers: Mapping[str, int],
) -> tuple[QuantizationAwareTraining, Any]:
    """Trains a model with rounding, taught by itself in float.

    No labels are needed: it learns to give the logits that the float model gives.

    Args:
        model: The float model. It is not changed.
        train: Data to train on, in a form that `tfcompress.data.batches` accepts.
        settings: `epochs`, 3 if it is missing; `optimizer`, Adam with a learning rate
            of 1e-4; `batch_size` of data that is not in batches; `callbacks`.
        layers: Bits of the weights of single layers; others have 8.

    Returns:
        The technique, and the trained model that it wrapped.

    Raises:
        ModelError: If the model cannot be distilled.
    """
    aware = QuantizationAwareTraining(layers=dict(layers))
    rounded = aware.apply(model)
    calibrate(rounded, train)
    distiller = Distiller(
        model,
        logits_part(rounded),
        LogitsDistillation(_TEMPERATURE),
        student_loss_weight=0.0,
    )
    optimizer = settings.get("optimizer")
    if optimizer is None:
        optimizer = keras_compat.keras().optimizers.Adam(_LEARNING_RATE)
    distiller.compile(optimizer)
    in_batches = data_module.is_dataset(train)
    x = train if in_batches else data_module.take(train, sys.maxsize)
    distiller.fit(
        x,
        batch_size=None if in_batches else settings.get("batch_size", _BATCH_SIZE),
        epochs=settings.get("epochs", _EPOCHS),
        verbose=0,
        callbacks=[*aware.callbacks(), *settings.get("callbacks", ())],
    )
    return aware, rounded
