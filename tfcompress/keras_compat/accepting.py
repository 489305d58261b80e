"""Training with optimizers, losses, metrics, callbacks and data of either Keras."""

import inspect
from collections.abc import Callable
from typing import Any

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.membership import name_of
from tfcompress.keras_compat.training_objects import cross


class AcceptsEitherKeras:
    """Lets a model of one Keras be trained with objects of the other.

    A mixin, to stand before the model class of either Keras.

    Example:
    ```python
    import keras
    import tf_keras
    from tfcompress.keras_compat import AcceptsEitherKeras

    class Model(AcceptsEitherKeras, tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf_keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    Model().compile(keras.optimizers.Adam(1e-3), keras.losses.MeanSquaredError())
    ```
    """

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """Configures training, as `compile` of the model class does."""
        keras = str(name_of(self))
        args = tuple(cross(value, keras=keras) for value in args)
        kwargs = {key: cross(value, keras=keras) for key, value in kwargs.items()}
        return super().compile(*args, **kwargs)  # type: ignore[misc]

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Configures training as it was when the model was saved."""
        keras = modules.module(str(name_of(self)))
        self.compile(**keras.saving.deserialize_keras_object(config))
        model: Any = self
        if model.optimizer is not None and model.built:
            model.optimizer.build(model.trainable_variables)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Trains the model, as `fit` of the model class does."""
        return self._run(super().fit, args, kwargs)  # type: ignore[misc]

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Returns losses and metrics, as `evaluate` of the model class does."""
        return self._run(super().evaluate, args, kwargs)  # type: ignore[misc]

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Returns predictions, as `predict` of the model class does."""
        return self._run(super().predict, args, kwargs)  # type: ignore[misc]

    def _run(
        self, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        bound = inspect.signature(method).bind(*args, **kwargs)
        keras = str(name_of(self))
        for key in ("callbacks", "x", "validation_data"):
            value = bound.arguments.get(key)
            arrays = isinstance(value, list | tuple | dict) and key != "callbacks"
            if value is not None and not arrays:
                bound.arguments[key] = cross(value, keras=keras)
        return method(*bound.args, **bound.kwargs)
