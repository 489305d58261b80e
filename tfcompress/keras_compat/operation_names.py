"""Public names of Keras 3 operations, and the functions behind them."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfcompress.keras_compat import modules

# Classes whose function is not named after them.
_IRREGULAR = {
    "AllClose": "allclose",
    "BatchNorm": "batch_normalization",
    "CDist": "cdist",
    "HSVToRGB": "image.hsv_to_rgb",
    "IsIn": "isin",
    "LayerNorm": "layer_normalization",
    "RGBToGrayscale": "image.rgb_to_grayscale",
    "RGBToHSV": "image.rgb_to_hsv",
    "RMSNorm": "rms_normalization",
    "SSIM": "image.ssim",
    "SearchSorted": "searchsorted",
}


def operation_name(kind: type) -> str | None:
    """Returns the name of the function in `keras.ops` that makes this operation.

    Args:
        kind: A class of Keras 3 that is an operation and not a layer.

    Returns:
        A name such as `"add"` or `"image.resize"`, or None if it has none.
    """
    if not kind.__module__.startswith("keras.src.ops."):
        return None
    snake = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.__name__
    )
    name = _IRREGULAR.get(kind.__name__, snake.lower())
    for candidate in (name, f"image.{name}"):
        if _find(candidate) is not None:
            return candidate
    return None


def function(name: str) -> Callable[..., Any]:
    """Returns the function of `keras.ops` with this name."""
    found = _find(name)
    if found is None:
        raise KeyError(f"keras.ops has no function {name!r}")
    return found


def call(name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """Calls a function of `keras.ops`.

    Args:
        name: As `operation_name` returns it.
        arguments: What the operation was called on.
        keywords: What it was made with. Those that stand before the operands, such
            as the subscripts of `einsum`, are passed by their place.
    """
    found = function(name)
    keywords = dict(keywords)
    parameters = list(inspect.signature(found).parameters.values())
    leading: list[Any] = []
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        for parameter in parameters:
            if parameter.kind is parameter.VAR_POSITIONAL:
                break
            leading.append(keywords.pop(parameter.name))
    return found(*leading, *arguments, **keywords)


def operation_arguments(operation: Any) -> dict[str, Any] | None:
    """Returns what an operation was made with, or None if it does not tell."""
    try:
        config = dict(operation.get_config())
    except NotImplementedError:
        values = vars(operation)
        names = set(inspect.signature(type(operation)).parameters) - {"name", "kwargs"}
        if not names <= set(values):
            return None
        config = {name: values[name] for name in names}
    config.pop("name", None)
    return config


@functools.cache
def _find(name: str) -> Callable[..., Any] | None:
    owner: Any = modules.keras().ops
    for part in name.split("."):
        owner = vars(owner).get(part)
        if owner is None:
            return None
    return owner
