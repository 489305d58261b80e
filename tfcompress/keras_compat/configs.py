"""Constructor arguments of layers, between each Keras and a graph.

A graph holds them as Keras 3 names them, dtypes and activations as plain names, and
objects of the user's own (initializers, regularizers, constraints, functions) as the
objects themselves.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress.errors import UnsupportedLayerError
from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.activations import activation, activation_name
from tfcompress.keras_compat.membership import name_of_class
from tfcompress.keras_compat.parameters import parameters

# Layers whose table is part of their config here, for it is not made of weights.
LOOKUPS = ("IntegerLookup", "StringLookup", "TextVectorization")

# Names of arguments in tf_keras, and what Keras 3 calls them.
_RENAMED = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "InputLayer": {"batch_input_shape": "batch_shape"},
}

# Arguments without an influence on what a layer computes.
_WITHOUT_EFFECT = {
    "autocast",
    "batch_input_shape",
    "bounding_box_format",
    "flash_attention",
    "force_generator",
    "implementation",
    "input_length",
    "rng_type",
    "seed",
    "use_cudnn",
}

# Arguments that a layer of tf_keras inherits and does not use.
_UNUSED = {
    kind: {"kernel_initializer", "kernel_regularizer", "kernel_constraint"}
    for kind in ("SeparableConv1D", "SeparableConv2D")
}

# What the base class takes through `**kwargs`, and does not name.
_TAKEN_BY_BASE = {
    "activity_regularizer",
    "batch_input_shape",
    "dtype",
    "name",
    "trainable",
}

_OBJECTS = ("initializer", "regularizer", "constraint")
_ACTIVATIONS = ("activation", "recurrent_activation")


def read_config(layer: Any, keras: str) -> dict[str, Any]:
    """Returns the constructor arguments of a layer as a graph holds them.

    Args:
        layer: A layer of Keras itself.
        keras: The Keras it belongs to.
    """
    kind = type(layer).__name__
    if kind == "Lambda":
        return _lambda_config(layer)
    config = _normalized(kind, layer.get_config(), keras)
    if kind in LOOKUPS:
        for key in ("vocabulary_size", "dtype"):
            config.pop(key, None)
        config["vocabulary"] = _vocabulary(layer)
    for key in config:
        if key in _ACTIVATIONS and _is_function(getattr(layer, key, None)):
            config[key] = activation_name(getattr(layer, key), keras)
        elif key.endswith(_OBJECTS) and isinstance(config[key], dict):
            live = getattr(layer, key, None)
            if live is not None and not type(live).__module__.startswith(keras):
                config[key] = live
    config.pop("name", None)
    config.pop("trainable", None)
    return config


def read_custom_config(layer: Any) -> dict[str, Any]:
    """Returns the constructor arguments of a layer of the user's own."""
    config = dict(layer.get_config())
    config.pop("name", None)
    config.pop("trainable", None)
    if "dtype" in config:
        config["dtype"] = _dtype_name(config["dtype"])
    return config


def write_config(
    config: Mapping[str, Any], kind: type, source: type | None, name: str
) -> dict[str, Any]:
    """Returns the constructor arguments of a stock layer as its Keras wants them.

    Args:
        config: Arguments as a graph holds them.
        kind: The class to be built.
        source: The class the arguments were read from, or None.
        name: Name of the layer.

    Raises:
        UnsupportedLayerError: If the class does not take one of the arguments, and
            leaving it out would change what the layer computes.
    """
    keras = str(name_of_class(kind))
    renamed = {}
    if keras == "tf_keras":
        renamed = {v: k for k, v in _RENAMED.get(kind.__name__, {}).items()}
    same = source is not None and name_of_class(source) == keras
    taken = None if same else parameters(kind)
    defaults: Mapping[str, Any] = {}
    if source is not None and not same:
        defaults = parameters(source)
    written: dict[str, Any] = {}
    for key, value in config.items():
        target = renamed.get(key, key)
        if taken is not None and target not in taken and target not in _TAKEN_BY_BASE:
            unused = _WITHOUT_EFFECT | _UNUSED.get(kind.__name__, set())
            if key in unused or _is_default(value, defaults.get(target, None)):
                continue
            raise UnsupportedLayerError(
                f"Layer {name!r} ({kind.__name__}) cannot be built in {keras}, which "
                f"has no argument {key!r}. Received: {key}={value!r}"
            )
        written[target] = _written(value, target, keras)
    return written


def _vocabulary(layer: Any) -> list[Any]:
    """Returns what a lookup layer knows, as plain strings or whole numbers."""
    tokens = layer.get_vocabulary(include_special_tokens=False)
    return [
        token.item() if isinstance(token, np.generic) else token for token in tokens
    ]


def _lambda_config(layer: Any) -> dict[str, Any]:
    """Returns the function itself: it need not be written out to be called again."""
    return {
        "function": layer.function,
        "output_shape": internals.lambda_output_shape(layer),
        "mask": layer.mask,
        "arguments": dict(layer.arguments),
    }


def _normalized(kind: str, config: Mapping[str, Any], keras: str) -> dict[str, Any]:
    renamed = _RENAMED.get(kind, {}) if keras == "tf_keras" else {}
    result = {}
    for key, value in config.items():
        if key == "batch_input_shape" and kind != "InputLayer":
            continue
        result[renamed.get(key, key)] = _read(value, key, keras)
    if kind == "MultiHeadAttention":
        for key in ("query_shape", "key_shape", "value_shape"):
            result.pop(key, None)
    if kind == "BatchNormalization" and isinstance(result["axis"], list):
        (result["axis"],) = result["axis"]
    return result


def _read(value: Any, key: str, keras: str) -> Any:
    """Returns one value of a config as a graph holds it."""
    if key == "dtype":
        return _dtype_name(value)
    if isinstance(value, Mapping):
        if _is_layer(value):
            inner = _normalized(value["class_name"], value["config"], keras)
            return {**value, "config": inner}
        return {k: _read(item, k, keras) for k, item in value.items()}
    if key in _ACTIVATIONS and isinstance(value, str):
        return activation_name(_stock_activation(value, keras), keras)
    if isinstance(value, tuple | list):
        return [_read(item, "", keras) for item in value]
    if isinstance(value, np.ndarray):
        return value.item() if value.ndim == 0 else value
    return value.item() if isinstance(value, np.generic) else value


def _written(value: Any, key: str, keras: str) -> Any:
    """Returns one value of a graph's config as this Keras wants it."""
    if key in _ACTIVATIONS and isinstance(value, str):
        return activation(value, keras)
    if isinstance(value, Mapping) and "class_name" in value:
        if _is_layer(value):
            kind = vars(modules.module(keras).layers)[value["class_name"]]
            inner = value["config"]
            config = write_config(inner, kind, _other(kind, keras), inner["name"])
            return {**value, "config": config}
        if value.get("module") != "keras":
            return _written_object(value, key, keras)
    if isinstance(value, Mapping):  # of a model, whose layers are in its config, too
        return {k: _written(item, k, keras) for k, item in value.items()}
    if isinstance(value, list):
        return [_written(item, "", keras) for item in value]
    return value


def _written_object(value: Mapping[str, Any], key: str, keras: str) -> Any:
    """Drops what the other Keras's initializer, regularizer or the like lacks."""
    module = str(value.get("module") or "")
    if not module.startswith("keras.") or not isinstance(value["config"], Mapping):
        return dict(value)
    owner = getattr(modules.module(keras), module.split(".")[1], None)
    kind = vars(owner).get(value["class_name"]) if owner is not None else None
    if kind is None:
        return dict(value)
    taken = parameters(kind)
    config = {k: v for k, v in value["config"].items() if k in taken}
    return {**value, "config": config}


def _other(kind: type, keras: str) -> type | None:
    other = "keras" if keras == "tf_keras" else "tf_keras"
    return vars(modules.module(other).layers).get(kind.__name__)


def _is_layer(value: Mapping[str, Any]) -> bool:
    return str(value.get("module") or "").startswith("keras.layers")


def _is_function(value: Any) -> bool:
    return value is not None and inspect.isroutine(value)


def _stock_activation(name: str, keras: str) -> Any:
    return modules.module(keras).activations.get(name)


def _dtype_name(value: Any) -> Any:
    """Returns the name of a plain dtype policy, and any other value as it is."""
    if isinstance(value, Mapping) and value.get("class_name") in (
        "DTypePolicy",
        "Policy",
    ):
        return value["config"]["name"]
    return value


def _is_default(value: Any, default: Any) -> bool:
    if value is None or value is False or value == "channels_last":
        return True
    default = list(default) if isinstance(default, tuple) else default
    return type(value) is type(default) and value == default
