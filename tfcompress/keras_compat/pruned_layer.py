"""TF-MOT's pruning wrapper, as the holder of masks that are computed elsewhere."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import tensorflow as tf
import tf_keras

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.masked_weight import Goal, MaskedWeight
from tfcompress.keras_compat.prunable_weights import prunable_weights
from tfcompress.keras_compat.tfmot_layers import tfmot_core

_TFMOT = modules.tfmot().sparsity.keras
_Wrapper: Any = tfmot_core("sparsity.keras.pruning_wrapper").PruneLowMagnitude
_Pruning: Any = tfmot_core("sparsity.keras.pruning_impl").Pruning


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class PrunedLayer(_Wrapper):
    """A layer that computes with masked kernels.

    It is TF-MOT's `PruneLowMagnitude`, so that TF-MOT strips it, except that masks are
    set from outside, that it calls its layer as Keras does (with masks of sequences,
    several inputs, losses), has the name of its layer, and is saved with all it holds.

    Args:
        layer: A built tf_keras layer. The wrapper holds this very layer.
        goal: What is to become of its kernels, or the plain data of it.
        kernels: The shape of each kernel, by its number among `prunable_weights`.
        **kwargs: What a tf_keras layer takes.
    """

    def __init__(
        self,
        layer: Any,
        goal: Goal | dict[str, Any],
        kernels: Mapping[int, Sequence[int]],
        **kwargs: Any,
    ) -> None:
        # Tells TF-MOT that it need not know the layer.
        layer.get_prunable_weights = self._variables
        never = _TFMOT.ConstantSparsity(0.0, 0)
        kwargs = {"dtype": layer.dtype, **kwargs, "autocast": False}
        super().__init__(layer, pruning_schedule=never, **kwargs)
        self._name = layer.name
        self._goal = Goal.from_config(goal) if isinstance(goal, dict) else goal
        self._kernels = tuple(int(number) for number in kernels)
        self._shapes = tuple(tuple(shape) for shape in kernels.values())
        # Masks of sequences reach the layer inside with its inputs.
        self._call_spec.expects_mask_arg = False
        inner = layer._call_spec
        self._call_spec.expects_training_arg = inner.expects_training_arg
        self._call_spec.expected_context_args = set(inner.expected_context_args)

    def build(self, input_shape: Any) -> None:
        """Makes a mask for each kernel."""
        super(_Wrapper, self).build(input_shape)
        self.masks = [
            self.add_weight(
                f"mask_{number}",
                shape=shape,
                initializer="ones",
                trainable=False,
                aggregation=tf.VariableAggregation.MEAN,
            )
            for number, shape in enumerate(self._shapes)
        ]
        self.pruning_step = self.add_weight(
            "pruning_step",
            shape=[],
            initializer=tf_keras.initializers.Constant(-1),
            dtype="int64",
            trainable=False,
        )

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Sets masked weights to zero, and calls the layer."""
        # Layers that others are made of may be built by their first call only.
        if len(self._variables()) == len(self.masks):
            self.mask_kernels()
        return self.layer(inputs, *args, **kwargs)

    def mask_kernels(self) -> None:
        """Sets masked weights to zero, as each call does."""
        pairs = [(one.weight.variable, one.mask) for one in self.masked_weights]
        in_replica = not tf.distribute.in_cross_replica_context()
        if tf.distribute.has_strategy() and in_replica:
            _assign_in_replicas(pairs)
        else:
            for variable, mask in pairs:
                variable.assign(variable * mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the mask of sequences that the layer hands on."""
        return self.layer.compute_mask(inputs, mask)

    @property
    def activity_regularizer(self) -> None:
        """None: the layer inside adds the loss of its own."""

    @property
    def masked_weights(self) -> list[MaskedWeight]:
        """The kernels that are pruned, with their masks."""
        found = prunable_weights(self.layer)
        return [
            MaskedWeight(found[kernel], mask, self._goal)
            for kernel, mask in zip(self._kernels, self.masks, strict=True)
        ]

    @property
    def steps(self) -> int:
        """How many steps it was trained with a callback that prunes; -1 if never."""
        return int(self.pruning_step.numpy())

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            **super(_Wrapper, self).get_config(),
            "goal": dataclasses.asdict(self._goal),
            "kernels": {
                str(number): list(shape)
                for number, shape in zip(self._kernels, self._shapes, strict=True)
            },
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Builds the wrapper, and its layer, from what `get_config` returned."""
        layer = tf_keras.layers.deserialize(
            config["layer"], custom_objects=custom_objects
        )
        return cls(**{**config, "layer": layer})

    def _variables(self) -> list[Any]:
        found = prunable_weights(self.layer)
        return [found[n].variable for n in self._kernels if n < len(found)]


def _assign_in_replicas(pairs: Sequence[tuple[Any, Any]]) -> None:
    """Masks the copies of variables that replicas hold, as TF-MOT does."""
    never = _TFMOT.ConstantSparsity(0.0, 0)
    variables = [(variable, mask, None) for variable, mask in pairs]
    _Pruning(lambda: 0, variables, never, (1, 1), "AVG").weight_mask_op()
