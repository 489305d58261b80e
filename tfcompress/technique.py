"""The contract of a technique: wrap, fit, strip, the same for every technique."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class Account:
    """What a technique did to a model, and what it left alone.

    Attributes:
        applied: Names of the layers that it was applied to.
        skipped: Names of the layers that it left as they were, and why.
        notes: What to know of layers that it was applied to, by their names.
    """

    applied: tuple[str, ...] = ()
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        notes = {name: self.notes.get(name) for name in (*self.applied, *self.notes)}
        lines = [
            f"changed {name}: {note}" if note else f"changed {name}"
            for name, note in notes.items()
        ]
        lines += [f"left {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


class Technique(abc.ABC):
    """Changes what a model *is*, in three steps around an ordinary `fit`.

    A technique never changes the model that it is given. `apply` returns a new
    model to train, `callbacks` what `fit` needs meanwhile, and `finalize` turns
    the trained model into a plain one, of stock layers, in the Keras that the
    user's model came from. A technique that needs no training does all its work
    in `apply`.

    Attributes:
        account: What the last `apply` did, and what it skipped and why.

    Example:
    ```python
    pruning = tfc.pruning.MagnitudePruning(sparsity=0.8)
    model = pruning.apply(trained)
    model.compile("adam", loss=loss)
    model.fit(x, y, callbacks=pruning.callbacks())
    small = pruning.finalize(model)
    ```
    """

    account: Account = Account()

    @abc.abstractmethod
    def apply(self, model: Any) -> Any:
        """Returns a new model, to be trained, to which the technique is applied.

        Args:
            model: A built functional or Sequential model, of Keras 3 or tf_keras.
                It is not changed.

        Returns:
            A model with weights of its own. It may live in tf_keras even where
            `model` is a Keras 3 model.

        Raises:
            ModelError: If the model cannot be used as it is.
        """

    def callbacks(self) -> list[Any]:
        """Returns the callbacks that `fit` needs while the model trains."""
        return []

    @abc.abstractmethod
    def finalize(self, model: Any) -> Any:
        """Returns a plain model of stock layers, in the user's own Keras.

        Args:
            model: What `apply` returned, trained or not. It is not changed.

        Returns:
            A model with weights of its own, of the Keras that the model given to
            `apply` belonged to.

        Raises:
            ModelError: If `model` did not come from this technique's `apply`.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, as plain data."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds a technique from what `get_config` returned."""
        return cls(**config)
