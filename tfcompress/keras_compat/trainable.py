"""A tf_keras model that trains with objects of either Keras and knows its origin."""

import importlib
from typing import Any, Self

import tf_keras

from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat import internals
from tfcompress.keras_compat.accepting import AcceptsEitherKeras
from tfcompress.keras_compat.activations import register_activations
from tfcompress.keras_compat.membership import name_of
from tfcompress.keras_compat.operations import KerasOperation  # noqa: F401

_Functional: Any = internals.functional_class("tf_keras")


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class TwinModel(AcceptsEitherKeras, _Functional):
    """A functional tf_keras model that stands in for a model of either Keras.

    It is a plain functional model, except that `compile`, `fit`, `evaluate` and
    `predict` accept optimizers, losses, metrics and callbacks of Keras 3 as well, and
    that it remembers the Keras its original came from. `to_tf_keras` and `adopt` make
    one.

    Args:
        inputs: Symbolic inputs, as `tf_keras.Model` takes them.
        outputs: Symbolic outputs.
        name: Name of the model.
        trainable: Whether training may change the model.
        origin: `"keras"` or `"tf_keras"`.
        sequential: Whether the original was a Sequential model.
        **kwargs: What else the functional model of tf_keras takes.
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        name: str | None = None,
        trainable: bool = True,
        *,
        origin: str = "tf_keras",
        sequential: bool = False,
        **kwargs: Any,
    ) -> None:
        if origin not in ("keras", "tf_keras"):
            raise ArgumentError(
                f'origin must be "keras" or "tf_keras". Received: origin={origin!r}'
            )
        super().__init__(inputs, outputs, name, trainable, **kwargs)
        self.origin = origin
        self.sequential = sequential

    @internals.keeps_layers
    def get_config(self) -> dict[str, Any]:
        """Returns the model as plain data, and where it comes from."""
        config = super().get_config()
        return {**config, "origin": self.origin, "sequential": self.sequential}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Builds the model from what `get_config` returned."""
        config = dict(config)
        _import_layers(config["layers"])
        origin = config.pop("origin")
        sequential = config.pop("sequential")
        model = super().from_config(config, custom_objects=custom_objects)
        model.origin = origin
        model.sequential = sequential
        return model


def _import_layers(config: Any) -> None:
    """Imports the modules of our own layers in a config, which registers them."""
    if isinstance(config, list):
        for item in config:
            _import_layers(item)
    elif isinstance(config, dict):
        module = config.get("module")
        if isinstance(module, str) and module.startswith("tfcompress."):
            importlib.import_module(module)
        _import_layers(list(config.values()))


def adopt(model: Any, *, origin: str, sequential: bool | None = None) -> TwinModel:
    """Returns a `TwinModel` made of the layers of a tf_keras model.

    The layers and their weights are shared with `model`, not copied.

    Args:
        model: A built functional or Sequential tf_keras model, such as what
            `prune_low_magnitude` or `quantize_apply` of TF-MOT returned.
        origin: The Keras that the user's model belongs to: `"keras"` or `"tf_keras"`.
        sequential: Whether the user's model is a Sequential; by default, whether
            `model` is.

    Raises:
        ArgumentError: If `origin` is another name.
        ModelError: If `model` is not a tf_keras model with inputs and outputs.

    Example:
    ```python
    import tf_keras
    from tfcompress.keras_compat import adopt

    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    twin = adopt(model, origin="keras")
    ```
    """
    if not isinstance(model, _Functional) or not model.inputs:
        raise ModelError(
            "Expected a built functional or Sequential tf_keras model. Received: "
            f"model of type {type(model).__module__}.{type(model).__name__}"
        )
    is_sequential = isinstance(model, tf_keras.Sequential)
    inputs = model.inputs[0] if is_sequential else model.input
    outputs = model.outputs[0] if is_sequential else model.output
    return TwinModel(
        inputs,
        outputs,
        name=model.name,
        trainable=model.trainable,
        origin=origin,
        sequential=is_sequential if sequential is None else sequential,
    )


def origin_of(model: Any) -> str:
    """Returns the Keras that the user's model belonged to: `"keras"` or `"tf_keras"`.

    Raises:
        ModelError: If `model` is neither a Keras 3 nor a tf_keras model.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import origin_of, to_tf_keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert origin_of(to_tf_keras(model)) == "keras"
    ```
    """
    if isinstance(model, TwinModel):
        return model.origin
    name = name_of(model)
    if name is None:
        raise ModelError(
            "Expected a Keras 3 or tf_keras model. Received: an object of type "
            f"{type(model).__module__}.{type(model).__name__}"
        )
    return name


register_activations()
# HDF5 files hold the bare name of a class.
tf_keras.saving.get_custom_objects()["TwinModel"] = TwinModel
