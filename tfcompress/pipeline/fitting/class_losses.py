"""A loss of classes in the form that the labels have."""

import importlib
from typing import Any

from tfcompress.errors import DataError
from tfcompress.keras_compat.internals import settings_of_loss
from tfcompress.pipeline.fitting.losses import is_stock, name_of_loss

_OF_NUMBERS = ("sparsecategoricalcrossentropy", "ctc")
_OTHER_FORM = {
    "categoricalcrossentropy": "SparseCategoricalCrossentropy",
    "sparsecategoricalcrossentropy": "CategoricalCrossentropy",
}
# What one of the two forms cannot do, and the value that stands for not doing it.
_OF_ONE_FORM = {"label_smoothing": 0.0, "ignore_class": None, "axis": -1}


def loss_for_labels(loss: Any, *, numbered: bool, name: str) -> Any:
    """Returns a loss of classes that takes the labels in the form that they have.

    Cross-entropy is called `sparse_categorical_crossentropy` where the labels are
    numbers of classes, and `categorical_crossentropy` where they are one-hot rows or
    shares. Which one a model was compiled with matters less than what the labels are.

    Args:
        loss: A Keras loss, function or name. One of the user's own is returned as it
            is.
        numbered: Whether the labels are numbers of classes, not rows.
        name: What the labels are called in errors.

    Returns:
        The loss, or the other cross-entropy with the same settings.

    Raises:
        DataError: If no loss with these settings takes such labels.

    Example:
    ```python
    from tfcompress.pipeline.fitting.class_losses import loss_for_labels

    loss = loss_for_labels(
        "categorical_crossentropy", numbered=True, name="the labels"
    )
    ```
    """
    known = name_of_loss(loss).replace("_", "")
    if not is_stock(loss) or numbered == (known in _OF_NUMBERS):
        return loss
    other, settings = _OTHER_FORM.get(known), settings_of_loss(loss)
    for setting, nothing in _OF_ONE_FORM.items():
        if settings.pop(setting, nothing) != nothing:
            other = None
    if other is None:
        form = "class numbers" if numbered else "one-hot rows"
        wanted = "one-hot rows" if numbered else "class numbers"
        raise DataError(
            f"{name} must be {wanted} for this loss, for {form} have no such one. "
            f"Received: {form} for loss={name_of_loss(loss)!r}, with settings "
            f"{settings_of_loss(loss)}"
        )
    if isinstance(loss, str):
        return ("sparse_" if numbered else "") + "categorical_crossentropy"
    settings.pop("name", None)
    definition = loss if hasattr(loss, "__name__") else type(loss)
    losses = importlib.import_module(definition.__module__.split(".", 1)[0]).losses
    return getattr(losses, other)(**settings)
