"""What tells a model from others: its layers, its weights and its loss."""

import collections
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.search.fingerprints import fingerprint_function

_DIGITS = 16
_NUMBER = re.compile(r"_\d+$")


def fingerprint_model(*models: Any) -> str:
    """Returns a fingerprint of models: their configs and weights.

    Two files of one model differ in their bytes, for each says when it was written;
    their fingerprint is the same. So it is for a model that is built once more in the
    same process, whose layers Keras gives other numbers.

    Args:
        models: Built models of either Keras.

    Returns:
        16 hexadecimal digits.

    Example:
    ```python
    assert fingerprint_model(model) == fingerprint_model(load_model("same.keras"))
    ```
    """
    digest = hashlib.sha256()
    for model in models:
        keras = keras_compat.keras_of(model).__name__
        config = _steady({**model.get_config(), "name": ""})
        digest.update(_as_text([keras, config]).encode())
        for variable in model.weights:
            array = np.ascontiguousarray(variable.numpy())
            digest.update(f"{array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()[:_DIGITS]


def fingerprint_loss(model: Any) -> str:
    """Returns a fingerprint of the loss that a model was compiled with, if it was.

    Args:
        model: A model of either Keras.

    Returns:
        16 hexadecimal digits.
    """
    loss = getattr(model, "loss", None) or None
    weights = (model.get_compile_config() or {}).get("loss_weights") if loss else None
    return hashlib.sha256(_as_text([loss, weights]).encode()).hexdigest()[:_DIGITS]


def _steady(config: Any) -> Any:
    """Returns the config of a model with its layers numbered from 0, kind by kind."""
    names: dict[str, str] = {}
    counts: collections.Counter[str] = collections.Counter()
    for name in _names(config):
        if name not in names:
            base = _NUMBER.sub("", name)
            names[name] = f"{base}#{counts[base]}"
            counts[base] += 1
    return _replace(config, names)


def _names(config: Any) -> Iterator[str]:
    """Yields the names of the layers in a config, at any depth."""
    if isinstance(config, Mapping):
        inner = config.get("config")
        if "class_name" in config and isinstance(inner, Mapping):
            name = config.get("name") or inner.get("name")
            if isinstance(name, str):
                yield name
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _names(part)


def _replace(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _replace(part, names) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(part, names) for part in value]
    return names.get(value, value) if isinstance(value, str) else value


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_describe)


def _describe(value: Any) -> Any:
    """Says the same of a value in each process, unlike its address in memory."""
    if hasattr(value, "get_config"):
        # Losses of Keras 3 leave settings such as Huber's delta out of their config.
        settings = vars(value).get("_fn_kwargs")
        return [type(value).__name__, value.get_config(), settings]
    if callable(value):
        return fingerprint_function(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value) if type(value).__str__ is not object.__str__ else str(type(value))
