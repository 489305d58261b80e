"""What a device demands of the file that it shall run."""

import dataclasses
from typing import Literal

from tfcompress.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Target:
    """A deployment target, as plain data.

    Attributes:
        name: What users call it.
        weights: How weights are stored: `"float32"`, `"float16"`, `"int8"` or `"int4"`.
        activations: What the kernels compute in: `"float32"`, `"int8"` or `"int16"`.
        inputs_and_outputs: The type at the file's door: `"float32"` or `"int8"`.
        description: One line for a list of targets.
    """

    name: str
    weights: Literal["float32", "float16", "int8", "int4"]
    activations: Literal["float32", "int8", "int16"]
    inputs_and_outputs: Literal["float32", "int8"]
    description: str

    @property
    def full_integer(self) -> bool:
        """Whether every operation shall work on whole numbers."""
        return self.activations != "float32"


TARGETS = {
    target.name: target
    for target in (
        Target(
            "cpu_float32",
            "float32",
            "float32",
            "float32",
            "any CPU; the reference for every other file",
        ),
        Target(
            "cpu_float16",
            "float16",
            "float32",
            "float32",
            "any CPU; weights at half the bytes",
        ),
        Target(
            "cpu_int8",
            "int8",
            "int8",
            "int8",
            "XNNPACK on phones; full integer, int8 in and out",
        ),
        Target(
            "cpu_int8_float_io",
            "int8",
            "int8",
            "float32",
            "as cpu_int8, with float32 in and out: a drop-in for a float file",
        ),
        Target(
            "cpu_int16x8",
            "int8",
            "int16",
            "float32",
            "int16 activations, float32 in and out; for NPUs and microcontrollers",
        ),
    )
}


def find_target(target: str | Target) -> Target:
    """Returns the target of a name; a `Target` is returned as it is.

    Raises:
        ArgumentError: If no target has this name, or if TensorFlow's converter does not
            have the types of the `Target`.
    """
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
    if target not in TARGETS:
        raise ArgumentError(
            f"target must be one of {sorted(TARGETS)}, or a Target. "
            f"Received: target={target!r}"
        )
    return TARGETS[target]
