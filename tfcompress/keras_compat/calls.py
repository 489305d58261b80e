"""The calls recorded in a Keras model, cleared of what Keras added to them."""

import inspect
from typing import Any

from tfcompress.keras_compat import internals
from tfcompress.keras_compat.arguments import decode

_OPERATIONS = ("KerasOperation", "TensorFlowFunction")


def cleaned(call: internals.Call, keras: str) -> internals.Call:
    """Returns a recorded call as the user would write it.

    Args:
        call: A call as Keras recorded it.
        keras: The Keras it was recorded in.

    Returns:
        The call, without the masks and the `training` that Keras 3 filled in, with
        the states of a tf_keras RNN as `initial_state`, with slices as slices, and
        with the arguments of our own operation layers unpacked.
    """
    if is_operation_layer(call.layer):
        tensors = call.arguments[0]
        tensors = tensors if isinstance(tensors, list | tuple) else [tensors]
        arguments, keywords = decode(call.layer.template, tensors)
        return call._replace(arguments=arguments, keywords=keywords)
    if keras == "keras":
        return _cleaned_keras(call)
    return _cleaned_tf_keras(call)


def is_operation_layer(layer: Any) -> bool:
    """Returns whether this is our layer around an operation of the other Keras."""
    kind = type(layer)
    ours = kind.__module__.startswith("tfcompress.keras_compat.")
    return ours and kind.__name__ in _OPERATIONS


def _cleaned_keras(call: internals.Call) -> internals.Call:
    keywords = dict(call.keywords)
    if not keywords:
        return call
    keywords.pop("training", None)
    passed = _bound(call)
    for key in [k for k in keywords if k == "mask" or k.endswith("_mask")]:
        source = passed.get(key.removesuffix("_mask")) if key != "mask" else None
        if key == "mask" and call.arguments:
            source = call.arguments[0]
        masks = flat(keywords[key])
        implied = [internals.implicit_mask(tensor) for tensor in flat(source)]
        if all(m is None for m in masks) or (
            len(masks) == len(implied)
            and all(m is i for m, i in zip(masks, implied, strict=True))
        ):
            del keywords[key]
    return call._replace(keywords=keywords)


def _cleaned_tf_keras(call: internals.Call) -> internals.Call:
    keywords = dict(call.keywords)
    arguments = call.arguments
    kind = type(call.layer).__name__
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        if keywords.get("name", "") is None:
            del keywords["name"]
        if kind == "SlicingOpLambda":
            arguments = tuple(_slices(value) for value in arguments)
            keywords = {key: _slices(value) for key, value in keywords.items()}
    elif _is_recurrent(call.layer) and isinstance(arguments[0], list):
        for key in ("initial_state", "constants"):
            keywords.pop(key, None)  # Bidirectional leaves them behind as None.
        count = internals.constants_count(call.layer)
        sequence, *states = arguments[0]
        if count:
            keywords["constants"] = states[-count:]
            states = states[:-count]
        if states:
            keywords["initial_state"] = states
        arguments = (sequence, *arguments[1:])
    return call._replace(arguments=arguments, keywords=keywords)


def _is_recurrent(layer: Any) -> bool:
    names = {base.__name__ for base in type(layer).__mro__}
    return bool(names & {"RNN", "Bidirectional"})


def _bound(call: internals.Call) -> dict[str, Any]:
    signature = inspect.signature(call.layer.call)
    try:
        return dict(signature.bind(*call.arguments, **call.keywords).arguments)
    except TypeError:
        return dict(call.keywords)


def flat(value: Any) -> list[Any]:
    """Returns the leaves of lists, tuples and dicts within each other."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in flat(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def _slices(value: Any) -> Any:
    """Returns the slices that tf_keras writes as dicts."""
    if isinstance(value, dict) and set(value) == {"start", "stop", "step"}:
        return slice(value["start"], value["stop"], value["step"])
    if isinstance(value, list | tuple):
        return type(value)(_slices(item) for item in value)
    return value
