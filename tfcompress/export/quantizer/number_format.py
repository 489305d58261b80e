"""How one operation of a file stores and computes, and what ai-edge-quantizer has."""

import dataclasses
from typing import Any, Literal

_STATIC_INT4 = {"CONV_2D", "FULLY_CONNECTED"}
_WITH_WEIGHTS = {
    "BATCH_MATMUL",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "EMBEDDING_LOOKUP",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
}
# LiteRT rounds the inputs of these in each run without leaving XNNPACK.
_DYNAMIC = {
    "BATCH_MATMUL",
    "CONV_2D",
    "EMBEDDING_LOOKUP",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
}
_INT4 = {"CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED"}
# Names that ai-edge-quantizer has of its own.
NAMES = {"TRANSPOSE_CONV": "CONV_2D_TRANSPOSE"}


@dataclasses.dataclass(frozen=True)
class NumberFormat:
    """How operations store their weights and what they compute in.

    Attributes:
        weights: `"float32"`, `"float16"`, `"int8"` or `"int4"`.
        activations: `"float32"`; `"dynamic"`, rounded to int8 in each run;
            `"int8"` or `"int16"`, with ranges that are known beforehand.
        per_channel: Whether each output channel of a kernel has a scale of its own.
    """

    weights: Literal["float32", "float16", "int8", "int4"]
    activations: Literal["float32", "dynamic", "int8", "int16"]
    per_channel: bool = True

    @property
    def static(self) -> bool:
        """Whether the ranges of activations must be known."""
        return self.activations in ("int8", "int16")

    def for_kind(self, kind: str) -> "NumberFormat | None":
        """Returns the format in which a kind of operation can be written.

        A depthwise convolution that rounded its inputs in each run would leave
        XNNPACK, so its weights alone are quantized, and never to int4. A table that
        rows are looked up in is read as int8. What has no weights stays as it is where
        activations are float.

        Args:
            kind: The TFLite name of the operation, such as `"CONV_2D"`.

        Returns:
            The nearest format with the same weights or wider ones, or None where the
            operation stays in float.
        """
        if self.weights == "float32":
            return None
        if self.static:
            narrow = self.weights == "int4" and kind in _STATIC_INT4
            return self if narrow else dataclasses.replace(self, weights="int8")
        if kind == "GATHER" and self.weights in ("int8", "int4"):
            return NumberFormat("int8", "int8", per_channel=False)
        if kind not in _WITH_WEIGHTS:
            return None
        if self.weights == "float16":
            return None if kind == "BATCH_MATMUL" else self
        weight_only = self.activations == "float32" or kind not in _DYNAMIC
        return dataclasses.replace(
            self,
            weights="int4" if self.weights == "int4" and kind in _INT4 else "int8",
            activations="float32" if weight_only else "dynamic",
        )

    def entry(self, regex: str, operation: str) -> dict[str, Any]:
        """Returns an entry of an ai-edge-quantizer recipe.

        Args:
            regex: Which operations it is for, by the names of their outputs.
            operation: Its name for the kind of operation, or `"*"`.
        """
        if self.weights == "float32":
            return {
                "regex": regex,
                "operation": operation,
                "algorithm_key": "no_quantize",
                "op_config": {"compute_precision": "FLOAT"},
            }
        integer = self.weights != "float16"
        settings: dict[str, Any] = {
            "weight_tensor_config": {
                "num_bits": {"float16": 16, "int8": 8, "int4": 4}[self.weights],
                "symmetric": True,
                "granularity": "CHANNELWISE" if self.per_channel else "TENSORWISE",
                "dtype": "INT" if integer else "FLOAT",
            },
            "compute_precision": "FLOAT"
            if self.activations == "float32"
            else "INTEGER",
            "explicit_dequantize": self.activations == "float32",
        }
        if self.static:
            settings["activation_tensor_config"] = {
                "num_bits": 8 if self.activations == "int8" else 16,
                "symmetric": self.activations == "int16",
                "granularity": "TENSORWISE",
                "dtype": "INT",
            }
        return {
            "regex": regex,
            "operation": operation,
            "algorithm_key": "min_max_uniform_quantize" if integer else "float_casting",
            "op_config": settings,
        }
