"""Operations that TFLite does not have, as the converter tells them."""

from typing import Any

# Codes of `ConverterErrorData` for operations that TensorFlow has, or nobody.
_MISSING = (1, 2)


def describe_missing(error: Exception) -> tuple[str, ...]:
    """Names the operations that made the converter fail, and their layers.

    Args:
        error: What TensorFlow's converter raised.

    Returns:
        Such as `"Erfinv at 'scores/erfinv'"`, each once; empty where it failed for
        another reason.
    """
    found: dict[str, None] = {}
    for each in getattr(error, "errors", ()):
        if each.error_code in _MISSING and each.operator.name:
            kind = each.operator.name.removeprefix("tf.")
            where = _layer(each.location)
            found[f"{kind} at {where!r}" if where else kind] = None
    return tuple(found)


def _layer(location: Any) -> str:
    """Returns the path of a layer in the converter's account of a place in the code."""
    for call in location.call:
        parts = call.name.split("@", 1)[0].split("/")[1:-1]
        if parts:
            return "/".join(parts)
    return ""
