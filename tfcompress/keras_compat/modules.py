"""Keras 3, tf_keras and TF-MOT as modules, imported when first asked for."""

import contextlib
import functools
import importlib
import os
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tfcompress.errors import ArgumentError, ModelError

_LEGACY = "TF_USE_LEGACY_KERAS"


@functools.cache
def keras() -> ModuleType:
    """Returns the Keras 3 module.

    Raises:
        ModelError: If Keras does not run on TensorFlow.

    Example:
    ```python
    from tfcompress.keras_compat import keras

    keras().layers.Dense(3)
    ```
    """
    module = importlib.import_module("keras")
    check_backend(module.backend.backend())
    return module


def check_backend(backend: str) -> None:
    """Raises an error if Keras 3 runs on another backend than TensorFlow.

    Args:
        backend: What `keras.backend.backend()` returned.

    Raises:
        ModelError: Says how to choose the backend.
    """
    if backend != "tensorflow":
        raise ModelError(
            "tfcompress works on Keras models that run on TensorFlow. Set the "
            'environment variable KERAS_BACKEND="tensorflow" before Keras is first '
            "imported; a `.keras` file saved on another backend loads there "
            f"unchanged. Received: backend={backend!r}"
        )


@functools.cache
def tf_keras() -> ModuleType:
    """Returns the tf_keras (Keras 2) module."""
    return importlib.import_module("tf_keras")


@functools.cache
def tfmot() -> ModuleType:
    """Returns the TensorFlow Model Optimization module, bound to tf_keras.

    While it is imported, TF-MOT reads `tf.keras` and sets `TF_USE_LEGACY_KERAS`,
    which would turn `tf.keras` into Keras 2 for the whole process. Here it is given
    tf_keras, and the environment and the user's `tf.keras` are put back as they were.
    """
    tensorflow = importlib.import_module("tensorflow")
    first_version = importlib.import_module("tf_keras.api._v1.keras")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(_LEGACY))
        stack.enter_context(_attribute(tensorflow, "keras", tf_keras()))
        stack.enter_context(_attribute(tensorflow.compat.v1, "keras", first_version))
        # It imports distutils, which is deprecated.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("tensorflow_model_optimization")


def module(name: str) -> ModuleType:
    """Returns Keras 3 for `"keras"` and tf_keras for `"tf_keras"`.

    Raises:
        ArgumentError: If the name is another one.
    """
    if name == "keras":
        return keras()
    if name == "tf_keras":
        return tf_keras()
    raise ArgumentError(
        f'keras must be "keras" (Keras 3) or "tf_keras". Received: keras={name!r}'
    )


def flatten(structure: Any, keras: str = "tf_keras") -> list[Any]:
    """Returns the leaves of nested lists, tuples and dicts, in the order of Keras.

    Args:
        structure: Tensors or anything else, nested.
        keras: `"keras"` or `"tf_keras"`, whose order is wanted.
    """
    if keras == "keras":
        return module(keras).tree.flatten(structure)
    return importlib.import_module("tensorflow").nest.flatten(structure)


@contextlib.contextmanager
def _environment(variable: str) -> Iterator[None]:
    """Puts an environment variable back after the block."""
    before = os.environ.get(variable)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before


@contextlib.contextmanager
def _attribute(owner: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Gives a module an attribute for the block, without resolving the one it has."""
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
