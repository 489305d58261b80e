"""Weight clustering: the weights of each kernel share a few values."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError, NothingToClusterError
from tfcompress.keras_compat import tfmot_layers
from tfcompress.keras_compat.clustered_kernels import MOST_CLUSTERS
from tfcompress.keras_compat.clustered_layer import ClusteredLayer
from tfcompress.keras_compat.layer_replacement import (
    holding,
    named_layers,
    replace_layers,
)
from tfcompress.keras_compat.prunable_weights import prunable_weights
from tfcompress.names import read_choices
from tfcompress.sharing.centroids import check_initialization, find_centroids
from tfcompress.sharing.selection import Choice, Selected, select
from tfcompress.technique import Account, Technique

_PRESERVABLE = ("sparsity",)


class WeightClustering(Technique):
    """Trains kernels whose weights have a few values only, each shared by many.

    A file of such kernels is smaller once it is packed, as a download is, and
    `tfcompress.export.compress_with_lookup_tables` stores them as indices into tables.
    By itself the file has the same bytes and takes the same time. Runs on TF-MOT's
    clustering wrapper, on a copy of the model and whatever Keras it is of. Han et al.,
    "Deep Compression", 2016, https://arxiv.org/abs/1510.00149.

    `apply` finds the values of each kernel by k-means. Training then moves them: each
    has for gradient the mean of those of its weights. The weights behind move too, and
    take the nearest value at each step, so that one may pass from a value to the next.
    A `kernel_regularizer` acts on the weights behind alone, not on the values.

    Kernels of Dense, convolutions, embeddings, recurrent layers and attention are
    clustered, also inside nested models, Bidirectional and TimeDistributed; those of
    depthwise convolutions only where `layers` names them, for they lose much, and none
    with fewer than four weights for each value. `account.skipped` says what is left
    out, and why. Channels are to be pruned before, and weights too; training that is
    not told of the values loses them. `QuantizationAwareTraining` keeps them.

    A model being clustered is saved as any other and loaded with
    `tf_keras.models.load_model`, after tfcompress was imported. A model of mixed
    precision is clustered, and returned, in float32.

    Args:
        clusters: How many values each kernel has, from 2 to 256. Defaults to 16, which
            4 bits can count.
        initialization: Where k-means starts: `"kmeans++"`, the default, `"linear"` or
            `"density"`. See `tfcompress.sharing.find_centroids`.
        layers: Names of layers, or patterns such as `"block_*"`, and how many values
            the kernels of each have, or None to leave it out. A name goes before a
            pattern, the first pattern before the next.
        preserve: `("sparsity",)`, the default: zeros of a kernel stay zero, and zero is
            one of its values. `()`: they are weights like others.

    Raises:
        ArgumentError: If an argument is out of range or not one of these.

    Example:
    ```python
    clustering = tfc.sharing.WeightClustering(clusters=16)
    clustered = clustering.apply(model)
    clustered.compile("adam", loss="sparse_categorical_crossentropy")
    clustered.fit(x, y)
    small = clustering.finalize(clustered)
    ```
    """

    def __init__(
        self,
        clusters: int = 16,
        *,
        initialization: str = "kmeans++",
        layers: Mapping[str, int | None] | None = None,
        preserve: Sequence[str] = ("sparsity",),
    ):
        self.clusters = _check_clusters(clusters, "clusters")
        self.initialization = check_initialization(initialization)
        self.layers = _read_layers(layers)
        self.preserve = read_choices(preserve, _PRESERVABLE, "preserve")

    def apply(self, model: Any) -> Any:
        """Returns a copy of the model, in tf_keras, whose kernels have few values.

        It can be evaluated, trained, or given to `finalize` as it is.

        Args:
            model: A built functional or Sequential model of either Keras.

        Returns:
            A tf_keras model that takes optimizers, losses, metrics and callbacks of
            either Keras. A layer that is clustered is in a wrapper with the name of the
            layer.

        Raises:
            ModelError: If the model is not usable, is wrapped already, or no kernel of
                it can be clustered.
            ArgumentError: If `layers` names no layer, or names a layer that cannot be
                clustered.
        """
        keras_compat.check_model(model)
        keras_compat.check_plain(model)
        copy = keras_compat.to_tf_keras(keras_compat.in_float32(model))
        choice = Choice(self.clusters, self.layers, "sparsity" in self.preserve)
        selected, skipped = select(named_layers(copy), choice)
        if not selected:
            raise NothingToClusterError(
                "No kernel of the model can be clustered. "
                f"Received: model {model.name!r}, skipped {skipped}"
            )
        chosen = {id(one.layer): one for one in selected.values()}
        started: list[tuple[ClusteredLayer, dict[int, np.ndarray]]] = []

        def wrap(layer: Any) -> Any:
            if id(layer) not in chosen:
                return layer
            centroids = self._centroids(chosen[id(layer)])
            wrapper = _wrapper(chosen[id(layer)], centroids)
            started.append((wrapper, centroids))
            return wrapper

        clustered = replace_layers(copy, wrap)
        for wrapper, centroids in started:
            wrapper.begin(centroids)
        wrappers = {id(wrapper.layer): wrapper for wrapper, _ in started}
        notes = {n: _note(wrappers[id(s.layer)], s) for n, s in selected.items()}
        self.account = Account(tuple(selected), skipped, notes)
        return keras_compat.adopt(
            clustered, origin=copy.origin, sequential=copy.sequential
        )

    def finalize(self, model: Any) -> Any:
        """Returns a plain model whose kernels have few values, in the user's Keras.

        Args:
            model: What `apply` returned, trained or not; or the same, saved and loaded.
                It is not changed.

        Returns:
            A model of stock layers with weights of its own. No clustered kernel has
            more different values than it was asked for.

        Raises:
            ModelError: If the model is not one of `apply`.
        """
        keras_compat.check_model(model)
        layers = [
            layer
            for layer in tfmot_layers.clustered_layers(model)
            if isinstance(layer, ClusteredLayer)
        ]
        if not layers:
            raise ModelError(
                "finalize takes the model that apply returned. "
                f"Received: model {model.name!r}, which has no layer being clustered"
            )
        values = [pair for layer in layers for pair in layer.clustered_kernels()]
        with holding(values):
            plain = replace_layers(
                model,
                lambda each: each.layer if isinstance(each, ClusteredLayer) else each,
            )
            # Code in a Lambda is here because the user trusted it.
            return keras_compat.to_origin(plain, like=model, trusted=True)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "clusters": self.clusters,
            "initialization": self.initialization,
            "layers": dict(self.layers) or None,
            "preserve": list(self.preserve),
        }

    def _centroids(self, selected: Selected) -> dict[int, np.ndarray]:
        """Returns the values that each kernel of a layer starts with."""
        kernels = prunable_weights(selected.layer)
        found = {}
        for number, count in selected.kernels.items():
            kernel = kernels[number].variable.numpy()
            if number in selected.sparse:
                others = find_centroids(
                    kernel[kernel != 0], count - 1, self.initialization
                )
                found[number] = np.concatenate([[0.0], others])
            else:
                found[number] = find_centroids(kernel, count, self.initialization)
        return found


def _wrapper(selected: Selected, centroids: Mapping[int, np.ndarray]) -> ClusteredLayer:
    kernels = prunable_weights(selected.layer)
    return ClusteredLayer(
        selected.layer,
        {number: values.size for number, values in centroids.items()},
        selected.sparse,
        {number: kernels[number].shape for number in selected.sparse},
    )


def _note(wrapper: ClusteredLayer, selected: Selected) -> str:
    """Returns how many values the kernels of a layer have: fewer where few differ."""
    kernels = [kernel for _, kernel in wrapper.clustered_kernels()]
    most = max(np.unique(kernel).size for kernel in kernels)
    values = "1 value" if most == 1 else f"{most} values"
    return f"kernels of {values}" + (", zero among them" if selected.sparse else "")


def _check_clusters(value: Any, name: str) -> int:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not 2 <= value <= MOST_CLUSTERS:
        raise ArgumentError(
            f"{name} must be how many values a kernel has, a whole number from 2 to "
            f"{MOST_CLUSTERS}; 16 or 32 are usual. Received: {name}={value!r}"
        )
    return int(value)


def _read_layers(layers: Any) -> dict[str, int | None]:
    if layers is None:
        return {}
    if not isinstance(layers, Mapping) or not all(isinstance(k, str) for k in layers):
        raise ArgumentError(
            "layers is a mapping from names or patterns of layers to how many values "
            'the kernels of each have, such as {"dense*": 32}. '
            f"Received: layers={layers!r}"
        )
    return {
        name: None if value is None else _check_clusters(value, f"layers[{name!r}]")
        for name, value in layers.items()
    }
