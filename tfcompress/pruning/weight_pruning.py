"""What every pruning of single weights has in common."""

import abc
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ArgumentError, ModelError, NothingToPruneError
from tfcompress.keras_compat import tfmot_layers, tfmot_objects
from tfcompress.keras_compat.layer_replacement import (
    holding,
    named_layers,
    replace_layers,
)
from tfcompress.keras_compat.masked_weight import Goal
from tfcompress.keras_compat.prunable_weights import PrunableWeight, prunable_weights
from tfcompress.pruning.moving_masks import build_callback, move_masks
from tfcompress.pruning.renewal import renew
from tfcompress.pruning.selection import Choice, Selected, select
from tfcompress.schedules import Constant, Schedule, deserialize, serialize
from tfcompress.technique import Account, Technique

_XNNPACK = "xnnpack"


class WeightPruning(Technique):
    """Single weights become zero while the model trains; subclasses say which.

    A model being pruned is saved as any other and loaded with
    `tf_keras.models.load_model`, without a scope. A model of mixed precision is pruned,
    and returned, in float32; `account.notes` says which layers are.

    Args:
        schedule: How the goal is reached over the training.
        layers: Names or patterns of layers, and the goal of each, or None.
        ignored: Names, patterns or positions of layers that stay as they are.
        minimum_size: Kernels with fewer weights stay as they are.
        policy: `"xnnpack"`, a function, a policy of TF-MOT, or None.

    Raises:
        ArgumentError: If an argument is not one of these.
    """

    def __init__(
        self,
        *,
        schedule: Schedule | Mapping[str, Any] | None,
        layers: Mapping[str, float | None] | None,
        ignored: Sequence[str | int],
        minimum_size: int,
        policy: str | Callable[[Any], str | None] | None,
    ):
        self.layers = {
            name: None
            if value is None
            else self.check_value(value, f"layers[{name!r}]")
            for name, value in _read_layers(layers).items()
        }
        self.ignored = _read_ignored(ignored)
        self.policy = policy
        self._given_schedule = _read_schedule(schedule)
        if not _is_whole(minimum_size) or minimum_size < 0:
            raise ArgumentError(
                "minimum_size is a number of weights, 0 or more. "
                f"Received: minimum_size={minimum_size!r}"
            )
        self.minimum_size = int(minimum_size)
        known = policy is None or policy == _XNNPACK or callable(policy)
        if not known and not tfmot_objects.is_of_tfmot(policy):
            raise ArgumentError(
                'policy is "xnnpack", or a function that takes a layer and returns '
                f"why it is left out, or None. Received: policy={policy!r}"
            )

    @abc.abstractmethod
    def check_value(self, value: Any, name: str) -> float:
        """Returns how far a layer is to be pruned, as a plain number.

        Raises:
            ArgumentError: If it is not a number in range; the message names it.
        """

    @abc.abstractmethod
    def goal(self, value: float | None) -> Goal:
        """Returns what is to become of a layer.

        Args:
            value: What `layers` says of it, or None where it says nothing.
        """

    @abc.abstractmethod
    def refusal(self, kernel: PrunableWeight) -> str | None:
        """Returns why a kernel cannot be pruned in this way, or None."""

    def way(self, progress: float, step: int) -> float:
        """Returns which share of its goal each layer shall have reached.

        Args:
            progress: Share of the training steps done, from 0 to 1.
            step: Number of training steps done.
        """
        final = self.schedule.final
        return self.schedule(progress, step) / final if final else 1.0

    @property
    @abc.abstractmethod
    def schedule(self) -> Schedule:
        """How the goal is reached over the training."""

    def apply(self, model: Any) -> Any:
        """Returns a copy of the model, in tf_keras, whose kernels will be pruned.

        With a `Constant` schedule they are pruned here, at once, by the weights that
        the model has: the copy can be evaluated, trained with `callbacks()`, or given
        to `finalize` as it is. With any other schedule training prunes them.

        Args:
            model: A built functional or Sequential model of either Keras.

        Returns:
            A tf_keras model that takes optimizers, losses, metrics and callbacks of
            either Keras. Train it with `callbacks()`. A layer that is pruned is in a
            wrapper with the name of the layer.

        Raises:
            ModelError: If the model is not usable, is wrapped already, or no layer of
                it can be pruned.
            ArgumentError: If `layers` or `ignored` names no layer, or names a layer
                that cannot be pruned.
        """
        keras_compat.check_model(model)
        check_unwrapped(model)
        copy = keras_compat.to_tf_keras(keras_compat.in_float32(model))
        selected, skipped = select(named_layers(copy), self._choice())
        if not selected:
            raise NothingToPruneError(
                "No layer of the model can be pruned. "
                f"Received: model {model.name!r}, skipped {skipped}"
            )
        self.check_layers(selected)
        pruned = _wrap(
            copy, {id(s.layer): (s, self.goal(s.value)) for s in selected.values()}
        )
        if isinstance(self.schedule, Constant):
            move_masks(tfmot_layers.pruned_layers(pruned), 1.0)
        self.account = Account(tuple(selected), skipped, _notes(model, selected))
        return keras_compat.adopt(
            pruned, origin=copy.origin, sequential=copy.sequential
        )

    def check_layers(self, selected: Mapping[str, Selected]) -> None:
        """Raises an error where a layer cannot reach its goal."""

    def callbacks(self) -> list[Any]:
        """Returns the callback that `fit` needs: it prunes as training goes on.

        In a training loop of your own, tell it what happens:

        Example:
        ```python
        pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
        pruned = pruning.apply(model)
        (callback,) = pruning.callbacks()
        callback.set_params({"epochs": 1, "steps": 10})
        callback.set_model(pruned)
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        for step in range(10):
            callback.on_train_batch_begin(step)
            pruned(x[:8], training=True)  # your training step
            callback.on_train_batch_end(step)
        callback.on_epoch_end(0)
        callback.on_train_end()
        ```
        """
        return [build_callback(self.way)]

    def finalize(self, model: Any) -> Any:
        """Returns a plain model with the zeros in its kernels, in the user's Keras.

        Where training stopped before the goal was reached, as `EarlyStopping` makes it,
        the rest is pruned here, without training after it, and a warning says so.

        Args:
            model: What `apply` returned, trained with `callbacks()` unless the schedule
                is `Constant`; or the same, saved and loaded. It is not changed.

        Returns:
            A model of stock layers with weights of its own.

        Raises:
            ModelError: If the model is not one of `apply`, or nothing of it is pruned,
                for it was never trained with `callbacks()`.
        """
        keras_compat.check_model(model)
        layers = tfmot_layers.pruned_layers(model)
        if not layers:
            raise ModelError(
                "finalize takes the model that apply returned. "
                f"Received: model {model.name!r}, which has no layer being pruned"
            )
        renewed = list(renew(layers, 1.0))
        if renewed and not any(_is_begun(layer) for layer in layers):
            raise ModelError(
                "Train the model that apply returned with callbacks=callbacks() of "
                "this technique; nothing is pruned without. "
                f"Received: 0 zeros in the masks of model {model.name!r}"
            )
        short = [weight for weight, _ in renewed if weight.goal.sparsity is not None]
        if short:
            warnings.warn(
                f"Training stopped after {max(0, *(layer.steps for layer in layers))} "
                f"steps, before {len(short)} kernel(s) had reached the sparsity; the "
                "rest is pruned now, without training after it. Train longer, or give "
                "EarlyStopping a start_from_epoch.",
                stacklevel=2,
            )
        new = {id(weight.weight.variable): mask for weight, mask in renewed}
        values = []
        for weight in _masked_weights(layers):
            variable = weight.weight.variable
            values.append((variable, weight.masked(new.get(id(variable)))))
        with holding(values):
            stripped = keras_compat.tfmot().sparsity.keras.strip_pruning(model)
            # Code in a Lambda is here because the user trusted it.
            return keras_compat.to_origin(stripped, like=model, trusted=True)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data.

        Raises:
            ArgumentError: If `policy` is a function, which is not plain data.
        """
        if self.policy not in (None, _XNNPACK):
            raise ArgumentError(
                "A policy that is a function cannot be written out; name the layers in "
                f"`layers` and `ignored` instead. Received: policy={self.policy!r}"
            )
        return {
            "schedule": serialize(self._given_schedule),
            "layers": dict(self.layers) or None,
            "ignored": list(self.ignored),
            "minimum_size": self.minimum_size,
            "policy": self.policy,
        }

    def _choice(self) -> Choice:
        policy: Any = self.policy
        if policy is None:
            policy = _chooses_all
        elif policy == _XNNPACK:
            policy = tfmot_objects.xnnpack_policy()
        elif tfmot_objects.is_of_tfmot(policy):
            policy = tfmot_objects.read_policy(policy)
        return Choice(
            self.layers, self.ignored, self.minimum_size, policy, self.refusal
        )


def check_unwrapped(model: Any) -> None:
    """Raises an error if a model is in the hands of a technique already.

    Raises:
        ModelError: If layers of it are being pruned or clustered, or are
            quantization-aware.
    """
    tfmot_layers.check_clustering_done(model)
    if tfmot_layers.pruned_layers(model):
        raise ModelError(
            "The model is being pruned already; train it on with callbacks(), or give "
            "it to finalize of that pruning first. "
            f"Received: model {model.name!r}, which apply returned"
        )
    if tfmot_layers.is_quantization_aware(model):
        raise ModelError(
            "The model is quantization-aware; prune it first, finalize it, and then "
            f"make it quantization-aware. Received: model {model.name!r}"
        )


def _read_schedule(schedule: Any) -> Schedule | None:
    if schedule is None or isinstance(schedule, Schedule):
        return schedule
    if isinstance(schedule, Mapping):
        return deserialize(schedule)
    if tfmot_objects.is_of_tfmot(schedule):
        return tfmot_objects.read_schedule(schedule)
    raise ArgumentError(
        "schedule must be a tfcompress.schedules.Schedule, or ConstantSparsity or "
        f"PolynomialDecay of TF-MOT. Received: schedule={schedule!r}"
    )


def _read_layers(layers: Any) -> dict[str, Any]:
    if layers is None:
        return {}
    if isinstance(layers, Mapping) and all(isinstance(key, str) for key in layers):
        return dict(layers)
    raise ArgumentError(
        "layers is a mapping from names or patterns of layers to how far each is "
        'pruned, such as {"dense": 0.5}. '
        f"Received: layers={layers!r}"
    )


def _read_ignored(ignored: Any) -> tuple[str | int, ...]:
    single = isinstance(ignored, str) or not isinstance(ignored, Iterable)
    keys = [ignored] if single else list(ignored)
    if not all(isinstance(key, str) or _is_whole(key) for key in keys):
        raise ArgumentError(
            "ignored holds names or patterns of layers, or positions among the "
            f"prunable layers. Received: ignored={ignored!r}"
        )
    return tuple(key if isinstance(key, str) else int(key) for key in keys)


def _is_begun(layer: Any) -> bool:
    """Returns whether a layer was trained with the callback, or has zeros in masks."""
    masks = [weight.mask.numpy() for weight in layer.masked_weights]
    return layer.steps >= 0 or not all(mask.all() for mask in masks)


def _notes(model: Any, selected: Mapping[str, Selected]) -> dict[str, str]:
    """Returns which layers compute in float32 now, and in what before."""
    before = {layer.name: layer.compute_dtype for layer in model._flatten_layers()}
    return {
        name: f"computes in float32, and no longer in {before[one.layer.name]}"
        for name, one in selected.items()
        if before.get(one.layer.name, "").endswith("float16")
    }


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _chooses_all(layer: Any) -> None:
    """A policy that leaves no layer out."""


def _wrap(model: Any, goals: Mapping[int, tuple[Selected, Goal]]) -> Any:
    """Returns a model of the same layers, those with a goal in wrappers."""

    def wrap(layer: Any) -> Any:
        if id(layer) not in goals:
            return layer
        selected, goal = goals[id(layer)]
        kernels = prunable_weights(layer)
        shapes = {number: kernels[number].shape for number in selected.kernels}
        return keras_compat.PrunedLayer(layer, goal, shapes)

    return replace_layers(model, wrap)


def _masked_weights(layers: Sequence[Any]) -> Iterator[Any]:
    for layer in layers:
        yield from layer.masked_weights
