"""Quantization-aware training: the model trains with the rounding it will ship with."""

from collections.abc import Sequence
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.graph import Graph, flatten_models, split_separable_convolutions
from tfcompress.keras_compat import tfmot_layers
from tfcompress.quantization import scheme
from tfcompress.quantization.keeping_zeros import keep_zeros
from tfcompress.quantization.planning import account_for, plan_layers
from tfcompress.quantization.unwrapping import unwrap
from tfcompress.technique import Technique

_PRESERVABLE = ("sparsity",)


class QuantizationAwareTraining(Technique):
    """Wraps a model so that it trains with weights and activations of 8 bits.

    Runs on TF-MOT's quantization-aware training, on a copy of the model and whatever
    Keras it is of. What the model computes is then what a full-integer `.tflite`
    computes, up to the last step of rounding: give the wrapped model itself to
    `tfcompress.export.to_tflite`. Jacob et al., "Quantization and Training of Neural
    Networks for Efficient Integer-Arithmetic-Only Inference", 2018,
    https://arxiv.org/abs/1712.05877.

    A freshly wrapped model does not know the ranges of its activations and is far off;
    give it to `tfcompress.quantization.calibrate` before training.

    Weights get 8 bits, symmetric, per channel in convolutions and per tensor in Dense;
    activations 8 bits per tensor. A layer that TF-MOT does not quantize keeps computing
    as it did and gets a range for its output, so that its neighbours can be whole
    numbers; `account.skipped` names the layers that were left in float.

    Args:
        preserve: What training shall keep: `("sparsity",)`, the default, keeps zero
            weights of all kernels zero, also in layers that stay float; `()` keeps
            nothing.

    Raises:
        ArgumentError: If `preserve` names anything else.

    Example:
    ```python
    aware = tfc.quantization.QuantizationAwareTraining()
    model = aware.apply(trained)
    tfc.quantization.calibrate(model, x)
    model.compile("adam", loss=loss)
    model.fit(x, y, epochs=2)
    tfc.export.to_tflite(model, "small.tflite", target="cpu_int8")
    ```
    """

    def __init__(self, *, preserve: Sequence[str] = ("sparsity",)):
        preserve = (preserve,) if isinstance(preserve, str) else tuple(preserve)
        unknown = [name for name in preserve if name not in _PRESERVABLE]
        if unknown:
            raise ArgumentError(
                f"preserve may hold {list(_PRESERVABLE)}. Received: preserve={unknown}"
            )
        self.preserve = preserve

    def apply(self, model: Any) -> Any:
        """Returns a quantization-aware copy of the model, in tf_keras.

        Args:
            model: A built functional or Sequential model of either Keras.

        Returns:
            A tf_keras model that takes optimizers, losses, metrics and callbacks of
            either Keras. Calibrate it before training.

        Raises:
            ModelError: If the model is not usable, is wrapped already, or no layer of
                it can be quantized.
        """
        keras_compat.check_model(model)
        if tfmot_layers.is_quantization_aware(model):
            raise ModelError(
                "The model is quantization-aware already; wrap it once. "
                f"Received: model {model.name!r}"
            )
        if tfmot_layers.pruned_layers(model):
            raise ModelError(
                "The model is still being pruned; give it to finalize of the pruning "
                f"first. Received: model {model.name!r}"
            )
        copy = keras_compat.to_tf_keras(keras_compat.in_float32(model), change=_prepare)
        quantization = keras_compat.tfmot().quantization.keras
        plan = plan_layers(copy)

        def annotate(layer: Any) -> Any:
            choice = plan.get(layer.name)
            if choice is None:
                return layer
            return quantization.quantize_annotate_layer(layer, **choice)

        with quantization.quantize_scope():
            annotated = keras_compat.tf_keras().models.clone_model(
                copy, clone_function=annotate
            )
            wrapped = quantization.quantize_apply(
                annotated,
                scheme.build_scheme(preserve_sparsity="sparsity" in self.preserve),
                quantized_layer_name_prefix="",
            )
        if "sparsity" in self.preserve:
            keep_zeros(wrapped)
        self.account = account_for(copy, plan)
        return keras_compat.adopt(
            wrapped, origin=copy.origin, sequential=copy.sequential
        )

    def finalize(self, model: Any) -> Any:
        """Returns a plain model whose weights are rounded as in the wrapped one.

        Ranges of activations are not in a plain model. To ship the integers that were
        trained, export the wrapped model itself.

        Args:
            model: What `apply` returned.

        Returns:
            A model of stock layers with weights of its own, in the user's Keras.

        Raises:
            ModelError: If the model is not one of `apply`.
        """
        if not tfmot_layers.is_quantization_aware(model):
            raise ModelError(
                "finalize takes the model that apply returned. "
                f"Received: model {model.name!r}, which is not quantization-aware"
            )
        return keras_compat.to_origin(unwrap(model), like=model)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {"preserve": list(self.preserve)}


def _prepare(graph: Graph) -> Graph:
    """Dissolves models inside the model, and splits separable convolutions.

    TF-MOT refuses the former, and gives the parts of the latter names that may be
    taken.
    """
    return split_separable_convolutions(flatten_models(graph))
