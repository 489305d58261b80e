"""What stages have in common."""

import dataclasses
import re
from typing import ClassVar

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import check_fields
from tfcompress.pipeline.teaching import Distillation
from tfcompress.pipeline.training import Training

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """A step of a `Pipeline`, as plain values.

    Attributes:
        name: What the stage is called in results, in its folder, and where others learn
            from it. Defaults to its kind, with a number where there are several.
        kind: How the stage is called in YAML.

    Raises:
        ArgumentError: If a field has a value that it cannot have.

    Example:
    ```python
    from tfcompress.pipeline.stages import Export, Stage

    assert isinstance(Export(), Stage)
    ```
    """

    kind: ClassVar[str]
    name: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise ArgumentError(
                "name must be letters, digits, dots, hyphens and underscores. "
                f"Received: name={self.name!r}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FittingStage(Stage):
    """A stage that trains the model, or may.

    Attributes:
        training: How it trains, or None where it does not.
        distillation: From whom it learns, or None for the labels alone.

    Raises:
        ArgumentError: If it learns from a teacher and does not train.

    Example:
    ```python
    from tfcompress.pipeline.stages import FittingStage, Quantize

    assert isinstance(Quantize(), FittingStage)
    ```
    """

    training: Training | None = None
    distillation: Distillation | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distillation is not None and self.training is None:
            raise ArgumentError(
                f"A stage that learns from a teacher trains: give {self.kind} a "
                "training too. Received: training=None"
            )
