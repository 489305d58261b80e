"""Operations that TFLite does not have, as the converter tells them."""

import re
from collections.abc import Collection
from typing import Any

# Codes of `ConverterErrorData` for operations that a runtime with TensorFlow's
# operations (Flex) has, and for those that it lacks too.
_NEEDS_FLEX = 1
_NEEDS_CUSTOM = 2


def explain_missing(error: Exception, layers: Collection[str]) -> str | None:
    """Names the operations that made the converter fail, their layers, and what to do.

    Args:
        error: What TensorFlow's converter raised.
        layers: Names of the model's layers.

    Returns:
        Such as `"... Received: Erfinv at 'scores/erfinv'"`; None where the converter
        failed for another reason.
    """
    found: dict[str, int] = {}
    for each in getattr(error, "errors", ()):
        known = each.error_code in (_NEEDS_FLEX, _NEEDS_CUSTOM)
        if known and each.operator.name:
            kind = each.operator.name.removeprefix("tf.")
            where = _layer(each.location, layers)
            found[f"{kind} at {where!r}" if where else kind] = each.error_code
    if not found:
        return None
    advice = "replace the layer it comes from, or move it in front of the model"
    if set(found.values()) == {_NEEDS_FLEX}:
        advice += (
            "; with flex=True the file would hold TensorFlow's own operations, which "
            "the app then must bring along"
        )
    return (
        f"an operation has no counterpart among TFLite's built-in ones; {advice}. "
        f"Received: {', '.join(found)}"
    )


def _layer(location: Any, layers: Collection[str]) -> str:
    """Returns the path of a layer in the converter's account of a place in the code.

    Keras 3 numbers the scopes of layers, so `conv_1` may stand for `conv`.
    """
    for call in location.call:
        parts = call.name.split("@", 1)[0].split("/")[1:-1]
        if parts:
            plain = [re.sub(r"_\d+$", "", part) for part in parts]
            return "/".join(
                short if part not in layers and short in layers else part
                for part, short in zip(parts, plain, strict=True)
            )
    return ""
