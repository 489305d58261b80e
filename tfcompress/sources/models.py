"""Models, named by one string."""

import os
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ModelError
from tfcompress.sources.named_function import call_named_function, is_function_name
from tfcompress.sources.paths import check_model_path


def read_model(text: str | os.PathLike[str], *, trusted: bool = False) -> Any:
    """Reads a model from a file, a folder or a function.

    Args:
        text: One of

            - a `.keras` or `.h5` file of either Keras;
            - a SavedModel folder that `model.save(folder)` of tf_keras wrote;
            - `"module:function"` or `"path/to/file.py:function"`: a function without
              arguments that returns a built model. The module may be in the current
              folder. Naming it runs its code.
        trusted: Whether a file may run code: that of a `Lambda` layer, which it holds,
            or that of modules which it names. Defaults to False.

    Returns:
        A built functional or Sequential model of the Keras that wrote it, without an
        optimizer where it comes from a file.

    Raises:
        ModelError: If there is no such file or function, if it cannot be read or
            raises, or if what comes is no built functional or Sequential model.

    Example:
    ```python
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save("small.keras")
    model = tfc.sources.read_model("small.keras")
    ```
    """
    name = os.fspath(text)
    if is_function_name(name):
        model = call_named_function(name, error=ModelError)
        if not keras_compat.is_model(model):
            raise ModelError(
                "The function must return a model of Keras 3 or tf_keras. "
                f"Received: {name!r}, which returned a {type(model).__name__}"
            )
    else:
        check_model_path(name)
        model = keras_compat.load_model(name, trusted=trusted)
    keras_compat.check_model(model)
    return model
