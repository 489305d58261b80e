"""Whether a model can be worked on, with errors that say what to do."""

from typing import Any

import numpy as np

from tfcompress.errors import ModelError
from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.membership import name_of


def check_model(model: Any, name: str = "model") -> None:
    """Raises an error unless this is a built functional or Sequential model.

    Args:
        model: What the user passed as a model.
        name: What to call it in the message, such as `"teacher"`.

    Raises:
        ModelError: If it is not a Keras 3 or tf_keras model, if it is subclassed,
            has no weights yet, or holds weights that are NaN or infinite.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import check_model

    check_model(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    ```
    """
    check_structure(model, name)
    for variable in model.weights:
        value = variable.numpy()
        if not _is_finite(value):
            label = variable.path if name_of(model) == "keras" else variable.name
            raise ModelError(
                f"The weights of {name} must be finite; train it again with a smaller "
                f"learning rate, or load a good checkpoint. Received: "
                f"{label}, which holds NaN or infinite numbers"
            )


def check_structure(model: Any, name: str = "model") -> None:
    """Does what `check_model` does, without reading the weights."""
    keras = name_of(model)
    if keras is None or not isinstance(model, modules.module(keras).Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise ModelError(
            f"{name} must be a Keras 3 or tf_keras model. Received: {name} of type "
            f"{kind}"
        )
    sequential = isinstance(model, modules.module(keras).Sequential)
    functional = isinstance(model, internals.functional_class(keras))
    if not sequential and (not functional or internals.overrides_call(model, keras)):
        raise ModelError(
            f"{name} must be a functional or Sequential model; a subclassed one does "
            "not tell what its layers compute. Make it functional: call the same "
            f"layers on `inputs = {keras}.Input(shape)` and build "
            f"`{keras}.Model(inputs, outputs)`. Received: {name} of the subclass "
            f"{type(model).__name__}"
        )
    if not model.built or not model.inputs or not model.outputs:
        raise ModelError(
            f"{name} is not built, so it has no weights yet. Call "
            f"`{name}.build(input_shape)` or start it with "
            f"`{keras}.Input(shape)`. Received: {name}={model.name!r}"
        )


def _is_finite(value: np.ndarray) -> bool:
    if value.dtype.kind in "biuSUO":
        return True
    return bool(np.isfinite(np.asarray(value, dtype=np.float32)).all())
