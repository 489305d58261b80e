"""A TensorFlow function as a layer of Keras 3."""

import functools
import importlib
from typing import Any

import keras

from tfcompress.keras_compat.arguments import decode


@keras.saving.register_keras_serializable(package="tfcompress")
class TensorFlowFunction(keras.layers.Layer):
    """Computes a TensorFlow function in a Keras 3 model.

    Args:
        function: Its public name, such as `"nn.relu6"` for `tf.nn.relu6`, or
            `"__operators__.getitem"`.
        template: Positional and keyword arguments as `arguments.encode` returns
            them, with places for the tensors that the layer is called on.
        **kwargs: Arguments of every layer.
    """

    def __init__(self, function: str, template: Any, **kwargs: Any) -> None:
        kwargs["autocast"] = False
        super().__init__(**kwargs)
        self.function = function
        self.template = template

    def build(self, input_shape: Any) -> None:
        """Does nothing: there are no weights."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Computes the function on a tensor or a list of tensors."""
        tensors = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        positional, keywords = decode(self.template, tensors)
        return find_function(self.function)(*positional, **keywords)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        return {**config, "function": self.function, "template": self.template}


def find_function(name: str) -> Any:
    """Returns a TensorFlow function by its public name."""
    tensorflow = importlib.import_module("tensorflow")
    return functools.reduce(getattr, name.split("."), tensorflow)
