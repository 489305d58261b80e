"""What the constructor of a Keras class takes."""

import functools
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


@functools.cache
def parameters(kind: type) -> Mapping[str, Any]:
    """Returns the constructor arguments of a class, its bases' too, and defaults.

    Arguments that a class hands to its base through `**kwargs` are those of the base.

    Args:
        kind: A layer, initializer, optimizer, loss or the like, of either Keras.

    Returns:
        Names and default values, None where there is no default.
    """
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        signature = inspect.signature(vars(base)["__init__"]).parameters
        for name, parameter in signature.items():
            if parameter.kind in (
                parameter.POSITIONAL_OR_KEYWORD,
                parameter.KEYWORD_ONLY,
            ):
                default = parameter.default
                found.setdefault(name, None if default is parameter.empty else default)
        if all(p.kind is not p.VAR_KEYWORD for p in signature.values()):
            break
    if any(base.__name__ == "RNN" for base in kind.__mro__):
        found.setdefault("zero_output_for_mask", False)  # tf_keras does not name it.
    found.pop("self", None)
    return MappingProxyType(found)
