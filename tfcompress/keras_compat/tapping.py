"""A model that gives the outputs of layers inside it as well."""

from collections.abc import Sequence
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.keras_compat import internals, modules
from tfcompress.keras_compat.calls import flat
from tfcompress.keras_compat.membership import keras_of, name_of
from tfcompress.names import nearest


def tap(model: Any, names: Sequence[str], *, role: str = "model") -> Any:
    """Returns a model of the same layers that also gives the outputs of some of them.

    Both share their layers and weights; running the result runs each layer once.

    Args:
        model: A built functional or Sequential model of either Keras.
        names: Names of layers of the model, or of the layers that pruning and
            quantization wrapped. `"attention:1"` is the second output of a layer.
        role: What to call the model in messages. Defaults to `"model"`.

    Returns:
        A model that returns `[outputs, features]`: what `model` returns, and a list of
        a tensor for each name.

    Raises:
        ModelError: If a name is not that of a layer that the model itself calls.

    Example:
    ```python
    import keras
    import numpy as np
    from tfcompress.keras_compat import tap

    layers = [keras.Input((4,)), keras.layers.Dense(3, name="hidden")]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    outputs, (hidden,) = tap(model, ["hidden"])(np.ones((1, 4)))
    ```
    """
    found = _calls(model)
    tensors = [_tensor(found, name, model, role) for name in names]
    library: Any = keras_of(model)
    sequential = isinstance(model, library.Sequential)
    inputs = model.inputs[0] if sequential else model.input
    if isinstance(inputs, list) and len(inputs) == 1:
        inputs = inputs[0]
    outputs = model.outputs[0] if sequential else model.output
    return library.Model(inputs, [outputs, tensors], name=model.name)


def _tensor(found: dict[str, internals.Call], name: str, model: Any, role: str) -> Any:
    layer, _, number = name.partition(":")
    index = int(number) if number.isdecimal() else 0
    outputs = found[layer].outputs if layer in found else []
    if index < len(outputs):
        return outputs[index]
    if outputs:
        raise ModelError(
            f"Layer {layer!r} of the {role} has {len(outputs)} output(s), numbered "
            f"from 0. Received: {name!r}"
        )
    raise ModelError(
        f"The {role} has no layer {layer!r}; the nearest are {nearest(layer, found)}. "
        "A layer inside a nested model cannot be looked at: name the nested model "
        "itself, or build the model flat. "
        f"Received: layer {name!r} of {role} {model.name!r}"
    )


def _calls(model: Any) -> dict[str, internals.Call]:
    """Returns the calls that lead to a model's outputs, by the name of their layer."""
    keras = str(name_of(model))
    symbolic = internals.symbolic_class(keras)
    found: dict[str, internals.Call] = {}
    seen: set[int] = set()
    waiting = list(model.outputs)
    while waiting:
        call, _ = internals.producer(waiting.pop(), keras)
        if call.key in seen:
            continue
        seen.add(call.key)
        found[call.layer.name] = call
        inner = getattr(call.layer, "layer", None)
        if isinstance(inner, modules.module(keras).layers.Layer):
            found.setdefault(inner.name, call)
        arguments = flat([*call.arguments, call.keywords])
        waiting += [value for value in arguments if isinstance(value, symbolic)]
    return found
