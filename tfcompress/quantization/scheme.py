"""Which of TF-MOT's quantizers goes where."""

import functools
from typing import Any

from tfcompress import keras_compat
from tfcompress.keras_compat.tfmot_layers import tfmot_core


def build_scheme(*, preserve_sparsity: bool) -> Any:
    """Returns a TF-MOT quantization scheme: 8 bits, per channel for convolutions.

    It is TF-MOT's default scheme, with its prune-preserving weight quantizers for
    Conv2D and Dense where zeros are to be kept. Average pooling gets no range of its
    own, for the kernel of TFLite takes that of its input.

    Args:
        preserve_sparsity: Whether weights that are zero when the model is wrapped stay
            zero while it trains.
    """
    return _scheme_class()(preserve_sparsity)


def output_only_config() -> Any:
    """Returns a TF-MOT quantize config that gives only the output a range."""
    return _configs().Default8BitOutputQuantizeConfig(quantize_output=True)


def supports(layer: Any) -> bool:
    """Returns whether TF-MOT knows how to quantize a tf_keras layer by itself."""
    return _registry_class()(False).supports(layer)


def _configs() -> Any:
    return tfmot_core("quantization.keras.default_8bit.default_8bit_quantize_configs")


@functools.cache
def _registry_class() -> type:
    layers = keras_compat.tf_keras().layers
    default = tfmot_core(
        "quantization.keras.default_8bit.default_8bit_quantize_registry"
    )
    preserving = tfmot_core(
        "quantization.keras.collab_opts.prune_preserve.prune_preserve_quantize_registry"
    )
    quantizers = {
        layers.Conv2D: preserving.PrunePreserveDefault8BitConvWeightsQuantizer,
        layers.Dense: preserving.PrunePreserveDefault8BitWeightsQuantizer,
    }
    same_range = (layers.AveragePooling1D, layers.AveragePooling2D)

    base: Any = default.Default8BitQuantizeRegistry

    class Registry(base):
        """Says how each kind of layer is quantized."""

        def __init__(self, preserve_sparsity: bool):
            super().__init__()
            self.preserve_sparsity = preserve_sparsity

        def get_quantize_config(self, layer: Any) -> Any:
            if type(layer) in same_range:
                return _configs().NoOpQuantizeConfig()
            config = super().get_quantize_config(layer)
            if self.preserve_sparsity and type(layer) in quantizers:
                config.weight_quantizer = quantizers[type(layer)]()
            return config

    return Registry


@functools.cache
def _scheme_class() -> type:
    default = keras_compat.tfmot().quantization.keras.default_8bit

    base: Any = default.Default8BitQuantizeScheme

    class Scheme(base):
        """TF-MOT's default scheme, with our registry."""

        def __init__(self, preserve_sparsity: bool):
            super().__init__()
            self.registry = _registry_class()(preserve_sparsity)

        def get_quantize_registry(self) -> Any:
            return self.registry

    return Scheme
