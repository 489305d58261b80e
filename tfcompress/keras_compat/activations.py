"""Activation functions that one Keras has and the other has not.

In a graph an activation is the name that Keras 3 gives it, or the function itself
where it is the user's own. The two functions called `hard_sigmoid` differ: that of
tf_keras is called `"tf_keras_hard_sigmoid"` in a graph.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

from tfcompress.keras_compat import modules

_TF_KERAS_NAMES = {"silu": "swish", "tf_keras_hard_sigmoid": "hard_sigmoid"}
_KERAS_NAMES = {"swish": "silu", "hard_sigmoid": "tf_keras_hard_sigmoid"}
# Found by name in tf_keras, although its `activations` module does not list them.
_TENSORFLOW_NAMES = ("leaky_relu", "log_softmax", "relu6", "silu")
_MARK = "_tfcompress_activation"


def activation_name(function: Any, keras: str) -> Any:
    """Returns what stands for an activation in a graph.

    Args:
        function: An activation function of a layer, or None.
        keras: The Keras that the layer belongs to.

    Returns:
        The name of a stock function as Keras 3 has it, else the function itself.
    """
    if function is None:
        return "linear"
    marked = getattr(function, _MARK, None)
    if marked is not None:
        return marked
    name = getattr(function, "__name__", None)
    if name is None:
        return function
    if vars(modules.module(keras).activations).get(name) is function:
        return _KERAS_NAMES.get(name, name) if keras == "tf_keras" else name
    functions = importlib.import_module("tensorflow").nn
    known = name in vars(modules.keras().activations) and name != "gelu"
    return name if known and vars(functions).get(name) is function else function


def activation(value: Any, keras: str) -> Any:
    """Returns what a layer of this Keras takes for an activation in a graph.

    Args:
        value: A name as in a graph, or a function.
        keras: The Keras that the layer shall be built in.

    Returns:
        A name that this Keras knows, or a function, registered for saving where it
        is ours.
    """
    if not isinstance(value, str):
        return value
    if keras == "keras":
        return _linear_hard_sigmoid() if value == "tf_keras_hard_sigmoid" else value
    name = _TF_KERAS_NAMES.get(value, value)
    stock = vars(modules.tf_keras().activations)
    if value != "hard_sigmoid" and (name in stock or name in _TENSORFLOW_NAMES):
        return name
    return _keras_function(value)


@functools.cache
def _keras_function(name: str) -> Callable[..., Any]:
    """Returns a Keras 3 activation as a function that tf_keras can save."""
    stock = vars(modules.keras().activations)[name]

    def function(x: Any) -> Any:
        return stock(x)

    function.__name__ = function.__qualname__ = f"keras_{name}"
    function.__doc__ = stock.__doc__
    setattr(function, _MARK, name)
    register = modules.tf_keras().saving.register_keras_serializable
    return register(package="tfcompress", name=f"keras_{name}")(function)


@functools.cache
def _linear_hard_sigmoid() -> Callable[..., Any]:
    """Returns the hard sigmoid of tf_keras as a function that Keras 3 can save."""
    operations = modules.keras().ops

    def tf_keras_hard_sigmoid(x: Any) -> Any:
        return operations.clip(0.2 * x + 0.5, 0.0, 1.0)

    setattr(tf_keras_hard_sigmoid, _MARK, "tf_keras_hard_sigmoid")
    register = modules.keras().saving.register_keras_serializable
    return register(package="tfcompress")(tf_keras_hard_sigmoid)


def register_activations() -> None:
    """Registers every activation of ours, so that saved models load."""
    _linear_hard_sigmoid()
    names = vars(modules.tf_keras().activations)
    for name, value in vars(modules.keras().activations).items():
        if callable(value) and not isinstance(value, type) and name not in names:
            _keras_function(name)
