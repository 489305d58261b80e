"""TF-MOT's clustering wrapper, for the kernels of any layer."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf
import tf_keras

from tfcompress.keras_compat.kernel_substitution import substituted
from tfcompress.keras_compat.prunable_weights import prunable_weights
from tfcompress.keras_compat.tfmot_layers import tfmot_core

_Wrapper: Any = tfmot_core("clustering.keras.cluster_wrapper").ClusterWeights
_Algorithm: Any = tfmot_core(
    "clustering.keras.clustering_algorithm"
).ClusteringAlgorithm
_AVERAGE: Any = tfmot_core("clustering.keras.cluster_config").GradientAggregation.AVG


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class ClusteredLayer(_Wrapper):
    """A layer that computes with kernels of few values.

    It is TF-MOT's `ClusterWeights` with its gradients, except that any kernel of any
    layer can be shared, that the kernels stay variables of their layer, that it calls
    its layer as Keras does (with masks, several inputs, losses), has the name of its
    layer, and is saved with all it holds.

    Each weight takes the value of the nearest centroid. The gradient of a centroid is
    the mean of those of its weights; the weights behind move too, as if they were used
    themselves, and so may come nearer to another centroid.

    Args:
        layer: A built tf_keras layer. The wrapper holds this very layer.
        clusters: How many values each kernel has, zero among them where zeros stay, by
            its number among `prunable_weights`.
        sparse: Numbers of the kernels whose zeros stay.
        shapes: The shapes of those kernels, by their numbers.
        **kwargs: What a tf_keras layer takes.
    """

    def __init__(
        self,
        layer: Any,
        clusters: Mapping[int, int],
        sparse: Sequence[int],
        shapes: Mapping[int, Sequence[int]],
        **kwargs: Any,
    ) -> None:
        kwargs = {"dtype": layer.dtype, **kwargs, "name": layer.name, "autocast": False}
        # TF-MOT's own would refuse layers that it does not know, and change this one.
        super(_Wrapper, self).__init__(layer, **kwargs)
        self._numbers = {int(key): int(value) for key, value in clusters.items()}
        self._sparse = tuple(int(number) for number in sparse)
        self._shapes = {int(key): tuple(value) for key, value in shapes.items()}
        self.supports_masking = True
        # Masks of sequences reach the layer inside with its inputs.
        self._call_spec.expects_mask_arg = False
        inner = layer._call_spec
        self._call_spec.expects_training_arg = inner.expects_training_arg
        self._call_spec.expected_context_args = set(inner.expected_context_args)

    def build(self, input_shape: Any) -> None:
        """Makes the centroids of each kernel, and the mask of what stays zero."""
        super(_Wrapper, self).build(input_shape)
        self._centroids = {
            str(number): self.add_weight(
                f"centroids_{number}", shape=[count], initializer="zeros"
            )
            for number, count in self._numbers.items()
        }
        self._zeros = {
            str(number): self.add_weight(
                f"stays_{number}",
                shape=self._shapes[number],
                initializer="ones",
                trainable=False,
            )
            for number in self._sparse
        }
        self._algorithms = {
            number: _Algorithm(centroids, _AVERAGE)
            for number, centroids in self._centroids.items()
        }

    def begin(self, centroids: Mapping[int, np.ndarray]) -> None:
        """Sets the centroids that training starts from, and notes what is zero.

        Args:
            centroids: The values of each kernel by its number, first the zero of those
                whose zeros stay.
        """
        kernels = prunable_weights(self.layer)
        for number, values in centroids.items():
            self._centroids[str(number)].assign(values)
        for key, mask in self._zeros.items():
            kernel = kernels[int(key)].variable
            mask.assign(tf.cast(tf.not_equal(kernel, 0), mask.dtype))

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer with kernels of few values."""
        # Layers that others are made of may be built by their first call only.
        if len(prunable_weights(self.layer)) <= max(self._numbers):
            return self.layer(inputs, *args, **kwargs)
        with substituted(self.layer, self._kernels()):
            return self.layer(inputs, *args, **kwargs)

    def _kernels(self) -> list[tuple[Any, Any]]:
        kernels = prunable_weights(self.layer)
        return [
            (kernels[number].variable, self._shared(number, kernels[number].variable))
            for number in self._numbers
        ]

    def _shared(self, number: int, variable: Any) -> Any:
        centroids = self._centroids[str(number)]
        algorithm = self._algorithms[str(number)]
        mask = self._zeros.get(str(number))
        if mask is None:
            places = nearest_centroids(variable, centroids)
            return algorithm.get_clustered_weight(places, variable)
        # The zero among the centroids is for the zeros that stay, and for no other.
        places = 1 + nearest_centroids(variable, centroids[1:])
        places = places * tf.cast(mask, places.dtype)
        return algorithm.get_clustered_weight(places, variable) * mask

    def clustered_kernels(self) -> list[tuple[Any, np.ndarray]]:
        """Returns each kernel, a variable, with the numbers that the layer uses."""
        return [(variable, value.numpy()) for variable, value in self._kernels()]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Returns the mask of sequences that the layer hands on."""
        return self.layer.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape that the layer gives."""
        return self.layer.compute_output_shape(input_shape)

    @property
    def activity_regularizer(self) -> None:
        """None: the layer inside adds the loss of its own."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            **super(_Wrapper, self).get_config(),
            "clusters": {str(key): value for key, value in self._numbers.items()},
            "sparse": list(self._sparse),
            "shapes": {str(key): list(value) for key, value in self._shapes.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Builds the wrapper, and its layer, from what `get_config` returned."""
        layer = tf_keras.layers.deserialize(
            config["layer"], custom_objects=custom_objects
        )
        return cls(**{**config, "layer": layer})


def nearest_centroids(weights: Any, centroids: Any) -> Any:
    """Returns the place of the centroid that is nearest to each weight.

    TF-MOT's own takes as much memory as weights times centroids.

    Args:
        weights: A tensor of any shape.
        centroids: A tensor of rank 1, in any order.

    Returns:
        A tensor of the shape of the weights, int32.
    """
    order = tf.argsort(centroids)
    ordered = tf.gather(centroids, order)
    between = (ordered[1:] + ordered[:-1]) / 2
    places = tf.searchsorted(between, tf.reshape(weights, [-1]))
    return tf.reshape(tf.gather(order, places), tf.shape(weights))
