"""A model that stages of a run work on, loaded when it is needed."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

from tfcompress.pipeline.model_fingerprint import fingerprint_model


@dataclasses.dataclass(frozen=True)
class KeptModel:
    """A model that stages of a run work on, loaded when it is needed.

    Attributes:
        fingerprint: Of the plain model, and of what was trained for the exporter.
        origin: The user's model that it was made from.
        read: Returns the plain model.
        read_trained: Returns what the exporter takes.
        pruned: Whether a stage of this pipeline has set weights of it to zero.

    Example:
    ```python
    from tfcompress.pipeline.kept_model import KeptModel

    kept = KeptModel.given(model)
    assert kept.read() is model
    ```
    """

    fingerprint: str
    origin: Any
    read: Callable[[], Any]
    read_trained: Callable[[], Any]
    pruned: bool = False

    @classmethod
    def given(cls, model: Any) -> Self:
        """Returns a model of the user's as one."""
        return cls(fingerprint_model(model), model, lambda: model, lambda: model)
