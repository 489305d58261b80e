"""Importances by name, and as plain data."""

import difflib
from collections.abc import Mapping
from typing import Any

from tfcompress.errors import ArgumentError
from tfcompress.pruning.importance.batch_norm_scale import BatchNormScale
from tfcompress.pruning.importance.chance import Random
from tfcompress.pruning.importance.geometric_median import FPGM
from tfcompress.pruning.importance.importance import Importance
from tfcompress.pruning.importance.magnitude import L1, L2
from tfcompress.pruning.importance.path_norm import PathNorm

_NAMES: dict[str, type[Importance]] = {
    "l1": L1,
    "l2": L2,
    "path_norm": PathNorm,
    "batch_norm": BatchNormScale,
    "fpgm": FPGM,
    "random": Random,
}
# How those that have no name are made, by how such a name would begin.
_WITH_DATA = {
    "taylor": "Taylor((x, y), loss=...)",
    "activation": "ActivationStatistics(x)",
}


def find(importance: Any) -> Importance:
    """Returns an importance for its name, its plain data, or itself.

    Args:
        importance: `"l1"`, `"l2"`, `"path_norm"`, `"batch_norm"`, `"fpgm"`,
            `"random"`, an `Importance`, or what `serialize` returned.

    Raises:
        ArgumentError: If it is none of these.
    """
    if isinstance(importance, Importance):
        return importance
    if isinstance(importance, Mapping):
        return deserialize(importance)
    if isinstance(importance, str) and importance in _NAMES:
        return _NAMES[importance]()
    if isinstance(importance, str):
        for start, made in _WITH_DATA.items():
            if importance.lower().startswith(start):
                raise ArgumentError(
                    "This importance looks at data: give the object "
                    f"tfc.pruning.importance.{made} in place of its name. "
                    f"Received: importance={importance!r}"
                )
    near = difflib.get_close_matches(str(importance).lower(), _NAMES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ArgumentError(
        f"importance must be one of {list(_NAMES)}, or an object of "
        f"tfcompress.pruning.importance{hint}. Received: importance={importance!r}"
    )


def serialize(importance: Any) -> Any:
    """Returns an importance as plain data, for `find`.

    Args:
        importance: What `find` takes. A name is plain data already.

    Raises:
        ArgumentError: If it holds data, or is of a class of the user's own.
    """
    if not isinstance(importance, Importance):
        return importance
    config = importance.get_config()
    if type(importance) not in _NAMES.values():
        raise ArgumentError(
            "Only importances of tfcompress can be written as plain data. Received: "
            f"importance of class {type(importance).__name__}"
        )
    return {"class_name": type(importance).__name__, "config": config}


def deserialize(data: Mapping[str, Any]) -> Importance:
    """Returns the importance that `serialize` was given.

    Raises:
        ArgumentError: If there is no importance of this name.
    """
    classes = {kind.__name__: kind for kind in _NAMES.values()}
    name = data.get("class_name")
    if name not in classes:
        raise ArgumentError(
            f"class_name must be one of {list(classes)}. Received: {dict(data)}"
        )
    return classes[str(name)].from_config(data.get("config", {}))
