"""Which class of one Keras does what a class of the other does."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tfcompress.errors import ArgumentError, UnsupportedLayerError
from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.membership import name_of_class

Convert = Callable[[dict[str, Any]], dict[str, Any]]


class Twin(NamedTuple):
    """A class of Keras 3, its twin in tf_keras, and how their configs differ."""

    keras_class: type
    tf_keras_class: type
    to_tf_keras: Convert
    to_keras: Convert


# Exported by tf_keras, whose code for it reaches for the `tf.keras` of the process.
_BROKEN_IN_TF_KERAS = {"SpectralNormalization"}

_twins: dict[type, Twin] = {}


def register_twin(
    keras_class: type,
    tf_keras_class: type,
    *,
    to_tf_keras: Convert | None = None,
    to_keras: Convert | None = None,
) -> None:
    """Says that a custom layer of Keras 3 and one of tf_keras do the same.

    Models that hold the layer can then cross from one Keras to the other. Both
    layers must have weights of the same shapes, created in the same order.

    Args:
        keras_class: A subclass of `keras.layers.Layer`.
        tf_keras_class: A subclass of `tf_keras.layers.Layer`.
        to_tf_keras: Takes the config of the Keras 3 layer, without `name` and
            `trainable`, and returns that of the tf_keras layer. By default the
            configs are taken to be alike.
        to_keras: The other way round.

    Raises:
        ArgumentError: If a class belongs to the wrong Keras.

    Example:
    ```python
    import keras
    import tf_keras
    from tfcompress.keras_compat import register_twin

    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return 2.0 * inputs

    class LegacyScale(tf_keras.layers.Layer):
        def call(self, inputs):
            return 2.0 * inputs

    register_twin(Scale, LegacyScale)
    ```
    """
    for value, keras in ((keras_class, "keras"), (tf_keras_class, "tf_keras")):
        if not isinstance(value, type) or name_of_class(value) != keras:
            raise ArgumentError(
                f"{keras}_class must be a subclass of {keras}.layers.Layer. "
                f"Received: {keras}_class={value!r}"
            )
    twin = Twin(
        keras_class, tf_keras_class, to_tf_keras or _unchanged, to_keras or _unchanged
    )
    _twins[keras_class] = twin
    _twins[tf_keras_class] = twin


def is_stock(kind: type, keras: str) -> bool:
    """Returns whether Keras exports this layer class under its own name."""
    return vars(modules.module(keras).layers).get(kind.__name__) is kind


def find_class(
    kind: str, source: type | None, name: str, keras: str
) -> tuple[type, Convert]:
    """Returns the class that builds a layer, and how its config is to be changed.

    Args:
        kind: Kind of the layer in a graph, a class name.
        source: The class the layer was read from, or None.
        name: Name of the layer, for the message.
        keras: The Keras to build in.

    Raises:
        UnsupportedLayerError: If the other Keras has no such layer and no twin is
            registered.
    """
    if source is not None and name_of_class(source) == keras:
        return source, _unchanged
    if source is not None and source in _twins:
        twin = _twins[source]
        if keras == "keras":
            return twin.keras_class, twin.to_keras
        return twin.tf_keras_class, twin.to_tf_keras
    stock = source is None or is_stock(source, str(name_of_class(source)))
    found = vars(modules.module(keras).layers).get(kind) if stock else None
    if found is None and source is not None:
        found = internals.counterpart(source)
    if keras == "tf_keras" and kind in _BROKEN_IN_TF_KERAS:
        found = None
    if found is None:
        raise UnsupportedLayerError(_missing(kind, name, keras))
    return found, _unchanged


def _missing(kind: str, name: str, keras: str) -> str:
    other = "keras" if keras == "tf_keras" else "tf_keras"
    call = (
        f"register_twin({kind}, YourTwin)"
        if keras == "tf_keras"
        else f"register_twin(YourTwin, {kind})"
    )
    return (
        f"Layer {name!r} has no twin in {keras}. Write a {keras}.layers.Layer with the "
        "same weights that computes the same, and call "
        f"`tfcompress.keras_compat.{call}` before. Received: layer {name!r} of the "
        f"{other} class {kind}"
    )


def _unchanged(config: dict[str, Any]) -> dict[str, Any]:
    return config
