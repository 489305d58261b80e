"""The contract of a teacher: what it tells of a batch."""

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfcompress.errors import ModelError


class Targets(NamedTuple):
    """What a model says of a batch.

    Attributes:
        outputs: Its outputs, a tensor or a structure of them; of a teacher, logits.
        features: The outputs of the layers that were asked for, by their names.
    """

    outputs: Any
    features: dict[str, Any]


class Teacher(abc.ABC):
    """Gives logits and features, in inference mode and without gradients.

    Not a layer and not tracked: a `Distiller` that holds one neither trains it, nor
    changes its `trainable`, nor writes it into checkpoints.

    Attributes:
        supports_jit: Whether XLA can compile a step that asks it.
    """

    supports_jit: bool = True

    @abc.abstractmethod
    def targets(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns what this teacher says of a batch.

        Args:
            x: Inputs, as the student takes them.
            layers: Names of layers whose outputs are wanted.
        """

    def targets_of_new(self, x: Any, layers: Sequence[str] = ()) -> Targets:
        """Returns what it says of a batch that need not be of the training data.

        Args:
            x: Inputs, as the student takes them.
            layers: Names of layers whose outputs are wanted.
        """
        return self.targets(x, layers)

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Returns the teacher as plain data, without its weights.

        Raises:
            ModelError: If it cannot be told in plain data.
        """

    @property
    def models(self) -> tuple[Any, ...]:
        """The Keras models that answer for all outputs, to be checked; maybe none."""
        return ()

    @property
    def gives_probabilities(self) -> bool:
        """Whether what it runs is known to end in probabilities, turned to logits."""
        return True

    @property
    def output_shapes(self) -> Any:
        """Shapes of the outputs, with None for the batch; None if they are unknown."""
        return None

    def layer_shapes(self, layers: Sequence[str]) -> dict[str, tuple]:
        """Returns the shapes of the outputs of layers, with None for the batch.

        Raises:
            ModelError: If it has no layers that can be looked at.
        """
        raise ModelError(
            "Only a teacher that is one model has layers to look at; give that model, "
            f"or use losses on outputs. Received: layers {list(layers)} of a teacher "
            f"of type {type(self).__name__}"
        )

    def hash(self) -> str | None:
        """Returns 64 hexadecimal digits of its weights; None if it cannot be known."""
        return None

    def save_weights(self, directory: Path) -> None:
        """Writes what `get_config` does not hold into a folder."""

    def load_weights(self, directory: Path) -> None:
        """Reads what `save_weights` wrote."""
