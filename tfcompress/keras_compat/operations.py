"""Operations between layers: those of Keras 3 in tf_keras, and of tf_keras in Keras 3.

`KerasOperation` is a tf_keras layer that computes an operation of `keras.ops`, which
on TensorFlow takes and returns TensorFlow tensors.
"""

from typing import Any

import tf_keras

from tfcompress.keras_compat import operation_names
from tfcompress.keras_compat.arguments import decode


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class KerasOperation(tf_keras.layers.Layer):
    """Computes an operation of `keras.ops` in a tf_keras model.

    Args:
        operation: Its name, such as `"add"` or `"image.resize"`.
        template: Positional and keyword arguments as `arguments.encode` returns
            them, with places for the tensors that the layer is called on.
        **kwargs: Arguments of every layer.
    """

    def __init__(self, operation: str, template: Any, **kwargs: Any) -> None:
        kwargs["autocast"] = False
        super().__init__(**kwargs)
        self.operation = operation
        self.template = template

    def call(self, inputs: Any) -> Any:
        """Computes the operation on a tensor or a list of tensors."""
        tensors = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        positional, keywords = decode(self.template, tensors)
        return operation_names.call(self.operation, positional, keywords)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Returns None: operations of Keras 3 do not hand masks on."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        config = super().get_config()
        return {**config, "operation": self.operation, "template": self.template}
