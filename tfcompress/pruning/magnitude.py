"""Magnitude pruning: the smallest weights become zero."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError
from tfcompress.keras_compat import tfmot_layers
from tfcompress.pruning.ramp import build_callback, build_ramp
from tfcompress.schedules import Polynomial, Schedule, deserialize, serialize
from tfcompress.technique import Account, Technique


class MagnitudePruning(Technique):
    """Sets the smallest weights of each kernel to zero while the model trains.

    Runs on TF-MOT's `prune_low_magnitude`, on a copy of the model and whatever Keras
    it is of. Sparsity rises over the first half of the training, whose length it need
    not be told, and is then held, so that the other weights make good the loss. Han et
    al., "Learning both Weights and Connections", 2015,
    https://arxiv.org/abs/1506.02626.

    Args:
        sparsity: Share of zero weights in each kernel at the end, from 0 up to, not
            including, 1. Defaults to 0.8.
        schedule: A `tfcompress.schedules.Schedule` of the sparsity over the training,
            in place of `sparsity`, or the plain data of one. Defaults to a cubic rise
            over its first half.
        ignored: Names of layers to leave as they are, such as the last one.

    Raises:
        ArgumentError: If `sparsity` is out of range.

    Example:
    ```python
    pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
    model = pruning.apply(trained)
    model.compile("adam", loss=loss)
    model.fit(x, y, epochs=5, callbacks=pruning.callbacks())
    small = pruning.finalize(model)
    ```
    """

    def __init__(
        self,
        sparsity: float = 0.8,
        *,
        schedule: Schedule | Mapping[str, Any] | None = None,
        ignored: Sequence[str] = (),
    ):
        given: Any = sparsity
        if isinstance(given, bool) or not isinstance(given, Real):
            raise ArgumentError(
                f"sparsity must be a number. Received: sparsity={sparsity!r}"
            )
        if isinstance(schedule, Mapping):
            schedule = deserialize(schedule)
        final = float(sparsity) if schedule is None else schedule(1.0)
        if not 0 <= final < 1:
            raise ArgumentError(
                "sparsity is the share of weights that become zero, from 0 up to, not "
                f"including, 1; 0.5 to 0.9 are usual. Received: sparsity={final}"
            )
        self.sparsity = final
        self.schedule = schedule or Polynomial(0.0, final, finish=0.5)
        self.ignored = tuple(ignored)
        self._given_schedule = schedule

    def apply(self, model: Any) -> Any:
        """Returns a copy of the model, in tf_keras, whose kernels will be pruned.

        Args:
            model: A built functional or Sequential model of either Keras.

        Returns:
            A tf_keras model that takes optimizers, losses, metrics and callbacks of
            either Keras. Train it with `callbacks()`.

        Raises:
            ModelError: If the model is not usable, or no layer of it can be pruned.
            ArgumentError: If a name in `ignored` is not that of a layer.
        """
        keras_compat.check_model(model)
        tf_keras = keras_compat.tf_keras()
        copy = keras_compat.to_tf_keras(keras_compat.in_float32(model))
        ramp = build_ramp()
        applied: list[str] = []
        skipped: dict[str, str] = {}

        def wrap(layer: Any) -> Any:
            if isinstance(layer, tf_keras.Model):
                return tf_keras.models.clone_model(layer, clone_function=wrap)
            reason = self._reason_to_skip(layer)
            if reason is None:
                wrapped = tfmot_layers.wrap_for_pruning(layer, ramp)
                if wrapped is not None:
                    applied.append(layer.name)
                    return wrapped
                reason = f"TF-MOT does not prune {type(layer).__name__}"
            if layer.weights:
                skipped[layer.name] = reason
            return layer

        pruned = tf_keras.models.clone_model(copy, clone_function=wrap)
        names = {*applied, *skipped}
        unknown = [name for name in self.ignored if name not in names]
        if unknown:
            raise ArgumentError(
                f"ignored must hold names of layers with weights: {sorted(names)}. "
                f"Received: ignored={unknown}"
            )
        if not applied:
            raise ModelError(
                "No layer of the model can be pruned. "
                f"Received: model {model.name!r}, skipped {skipped}"
            )
        self.account = Account(tuple(applied), skipped)
        return keras_compat.adopt(
            pruned, origin=copy.origin, sequential=copy.sequential
        )

    def callbacks(self) -> list[Any]:
        """Returns the callback that `fit` needs: it prunes as training goes on."""
        return [build_callback(self.schedule)]

    def finalize(self, model: Any) -> Any:
        """Returns a plain model with the zeros in its kernels, in the user's Keras.

        Args:
            model: What `apply` returned, trained with `callbacks()`.

        Returns:
            A model of stock layers with weights of its own.

        Raises:
            ModelError: If the model is not one of `apply`, or a kernel has fewer zeros
                than asked for, as when `fit` was not given `callbacks()`.
        """
        keras_compat.check_model(model)
        layers = tfmot_layers.pruned_layers(model)
        if not layers:
            raise ModelError(
                "finalize takes the model that apply returned. "
                f"Received: model {model.name!r}, which has no layer being pruned"
            )
        for layer in layers:
            for kernel in layer.layer.get_prunable_weights():
                self._check_sparsity(layer.layer.name, kernel.numpy())
        stripped = keras_compat.tfmot().sparsity.keras.strip_pruning(model)
        return keras_compat.to_origin(stripped, like=model)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""
        return {
            "sparsity": self.sparsity,
            "schedule": serialize(self._given_schedule),
            "ignored": list(self.ignored),
        }

    def _reason_to_skip(self, layer: Any) -> str | None:
        if layer.name in self.ignored:
            return "ignored by choice"
        return None if layer.trainable_weights else "frozen, or without weights"

    def _check_sparsity(self, name: str, kernel: Any) -> None:
        asked = kernel.size - max(round(kernel.size * (1 - self.sparsity)), 1)
        zeros = int((kernel == 0).sum())
        if zeros < asked - 1:
            raise ModelError(
                f"Layer {name!r} should have {asked} zeros of {kernel.size} weights. "
                "Train the model that apply returned with callbacks=callbacks() of "
                "this technique, and not to stop before the sparsity is reached: give "
                f"EarlyStopping a start_from_epoch. Received: {zeros} zeros"
            )
