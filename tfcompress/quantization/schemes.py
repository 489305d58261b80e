"""The schemes of post-training quantization, and what each costs and brings."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from tfcompress.errors import ArgumentError
from tfcompress.export.quantizer.number_format import NumberFormat
from tfcompress.export.targets import Target


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A way to quantize a trained model, as plain data.

    Attributes:
        name: What users call it.
        format: How layers store their weights and what they compute in. An operation
            that cannot have it gets the next wider one.
        inputs_and_outputs: The type at the file's door: `"float32"` or `"int8"`.
        description: One line for a list of schemes.
        kinds: Kinds of operations that have another format.
        dense_convolutions: Whether 1x1 convolutions are written as fully connected
            operations, for which LiteRT has more kernels.
        slow: What a user should know of its speed on a CPU, or None.
    """

    name: str
    format: NumberFormat
    inputs_and_outputs: Literal["float32", "int8"]
    description: str
    kinds: Mapping[str, NumberFormat] = dataclasses.field(default_factory=dict)
    dense_convolutions: bool = False
    slow: str | None = None

    @property
    def target(self) -> Target:
        """What a file of this scheme is made for."""
        activations = self.format.activations
        formats = [self.format, *self.kinds.values()]
        return Target(
            name=self.name,
            weights="int4"
            if any(item.weights == "int4" for item in formats)
            else self.format.weights,
            activations="float32" if activations == "dynamic" else activations,
            inputs_and_outputs=self.inputs_and_outputs,
            description=self.description,
        )


_INT4 = NumberFormat("int4", "dynamic")

SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            "float32",
            NumberFormat("float32", "float32"),
            "float32",
            "nothing is quantized; the reference for every other file",
        ),
        Scheme(
            "float16",
            NumberFormat("float16", "float32"),
            "float32",
            "weights at half the bytes; as fast as float32",
        ),
        Scheme(
            "dynamic_range",
            NumberFormat("int8", "dynamic"),
            "float32",
            "int8 weights, inputs of layers rounded in each run; needs no data",
        ),
        Scheme(
            "dynamic_int4",
            NumberFormat("int8", "dynamic"),
            "float32",
            "as dynamic_range, with int4 weights in Dense layers and 1x1 convolutions",
            kinds={"FULLY_CONNECTED": _INT4, "EMBEDDING_LOOKUP": _INT4},
            dense_convolutions=True,
        ),
        Scheme(
            "weight_only_int8",
            NumberFormat("int8", "float32"),
            "float32",
            "int8 weights, computed in float32; needs no data",
        ),
        Scheme(
            "weight_only_int4",
            NumberFormat("int4", "float32"),
            "float32",
            "int4 weights where LiteRT has them, computed in float32; needs no data",
        ),
        Scheme(
            "int8",
            NumberFormat("int8", "int8"),
            "int8",
            "full integer, int8 in and out",
        ),
        Scheme(
            "int8_float_io",
            NumberFormat("int8", "int8"),
            "float32",
            "full integer inside, float32 in and out",
        ),
        Scheme(
            "int16x8",
            NumberFormat("int8", "int16"),
            "float32",
            "int8 weights and int16 activations; for NPUs and microcontrollers",
            slow="int16x8 has no fast kernels on CPUs: some 40 times the time of "
            "float32. Choose it for an NPU or a microcontroller.",
        ),
    )
}

LAYER_FORMATS: dict[str, tuple[str, bool]] = {
    "float32": ("float32", True),
    "float16": ("float16", True),
    "int8": ("int8", False),
    "int4": ("int4", False),
    "weight_only_int8": ("int8", True),
    "weight_only_int4": ("int4", True),
}


def find_scheme(scheme: str | Scheme) -> Scheme:
    """Returns the scheme of a name; a `Scheme` is returned as it is.

    Raises:
        ArgumentError: If no scheme has this name.
    """
    if isinstance(scheme, Scheme):
        return scheme
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        raise ArgumentError(
            f"scheme must be one of {list(SCHEMES)}, or a Scheme. "
            f"Received: scheme={scheme!r}"
        )
    return SCHEMES[scheme]


def layer_format(scheme: Scheme, value: str) -> NumberFormat:
    """Returns the format of a layer that is treated in its own way.

    Args:
        scheme: The scheme of the other layers.
        value: `"float32"`, `"float16"`, `"weight_only_int8"`, `"weight_only_int4"`,
            which compute in float; `"int8"` or `"int4"`, whose weights are of these
            bits and whose activations are those of the scheme, dynamic where the scheme
            computes in float.

    Raises:
        ArgumentError: If the value is another one.
    """
    if not isinstance(value, str) or value not in LAYER_FORMATS:
        raise ArgumentError(
            f"A layer's format is one of {list(LAYER_FORMATS)}. "
            f"Received: {value!r} in layers"
        )
    weights, in_float = LAYER_FORMATS[value]
    activations = scheme.format.activations if scheme.format.static else "dynamic"
    return NumberFormat(weights, "float32" if in_float else activations)  # type: ignore[arg-type]
