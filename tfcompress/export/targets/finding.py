"""The targets that tfcompress knows by name, and those of files."""

import os
from importlib import resources

from tfcompress.errors import ArgumentError
from tfcompress.export.targets.reading import read_target
from tfcompress.export.targets.target import Target
from tfcompress.names import suggest

_REPLACED = {
    "coreml": "Core ML takes float files: use 'cpu_float16' or 'gpu'",
    "hexagon": "TensorFlow Lite's Hexagon delegate is no longer made: use 'npu_int8'",
    "nnapi": "NNAPI is deprecated since Android 15: use 'npu_int8', or 'gpu'",
    "tpu": "the Coral Edge TPU is 'edgetpu'",
    "tflm": "TensorFlow Lite Micro is 'microcontroller'",
}


def _read_targets() -> dict[str, Target]:
    found = {}
    with resources.as_file(resources.files(__package__)) as folder:
        for path in sorted(folder.glob("*.toml")):
            target = read_target(path)
            found[target.name] = target
    return found


TARGETS = _read_targets()


def find_target(target: str | os.PathLike[str] | Target) -> Target:
    """Returns the target of a name or a file; a `Target` is returned as it is.

    Args:
        target: A name of `TARGETS`; the path of a TOML file that describes one, ending
            in `.toml`; or a `Target`.

    Returns:
        The target.

    Raises:
        ArgumentError: If no target has this name, the file describes none, or
            TensorFlow's converter does not have the types of the `Target`.

    Example:
    ```python
    tfc.export.find_target("microcontroller").inputs_and_outputs  # "int8"
    ```
    """
    if not isinstance(target, Target) and str(target).endswith(".toml"):
        target = read_target(target)
    if isinstance(target, Target):
        types = (target.weights, target.activations)
        possible = {(other.weights, other.activations) for other in TARGETS.values()}
        if types not in possible:
            raise ArgumentError(
                f"The types of weights and activations must be of {sorted(possible)}; "
                "for others see tfcompress.quantization.post_training. "
                f"Received: {types}, in target={target.name!r}"
            )
        return target
    name = str(target)
    if name in _REPLACED:
        raise ArgumentError(
            f"There is no such target any more: {_REPLACED[name]}. "
            f"Received: target={target!r}"
        )
    if name not in TARGETS:
        raise ArgumentError(
            "target must be the name of a target, a TOML file, or a Target; "
            f"{suggest(name, sorted(TARGETS))} Received: target={target!r}"
        )
    return TARGETS[name]
