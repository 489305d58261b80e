"""What tells a stage, on its inputs, from every other."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tfcompress.pipeline.stages import Stage

_DIGITS = 16
_MODELS = ("student", "teacher")


def stage_key(kind: str, config: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Returns the key of a stage.

    Args:
        kind: Of the stage.
        config: What `stage_config` gives.
        inputs: Fingerprints of what it works on, by name.

    Returns:
        16 hexadecimal digits.

    Example:
    ```python
    key = stage_key("quantize", stage_config(Quantize()), {"model": "0f3a"})
    ```
    """
    text = json.dumps([kind, config, inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def stage_seed(seed: int, name: str) -> int:
    """Returns the seed of a stage, which is not that of the others.

    Args:
        seed: Of the pipeline.
        name: Of the stage.

    Returns:
        A whole number from 0 to 2**32 - 1.

    Example:
    ```python
    from tfcompress.pipeline.stage_key import stage_seed

    assert stage_seed(0, "distil") != stage_seed(0, "quantize")
    ```
    """
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4])


def stage_config(stage: Stage) -> dict[str, Any]:
    """Returns the fields of a stage as plain data, without models.

    Models stand in the key by their fingerprints, whether given as files or as they
    are.

    Args:
        stage: A stage.

    Returns:
        Names and values; of stages within it, dicts with their `kind`.

    Example:
    ```python
    assert stage_config(Export())["target"] == "cpu_int8"
    ```
    """
    return _plain(stage)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        kind = {"kind": value.kind} if isinstance(value, Stage) else {}
        return kind | {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.name not in _MODELS
        }
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
