"""From whom a stage learns, and what."""

import dataclasses
from typing import Any, Literal

from tfcompress.errors import ArgumentError
from tfcompress.pipeline.fields import ModelSource, NotNegative, Positive, check_fields


@dataclasses.dataclass(frozen=True, kw_only=True)
class Distillation:
    """From whom a stage learns, and what.

    Attributes:
        teacher: Name of an earlier stage, whose model teaches; `"original"` for the
            model that the pipeline was given; a `.keras` file or `"module:function"`
            that returns a model; or a model. A list of them teaches together: the
            average of their probabilities, of logits or numbers where the outputs are
            not classes that exclude each other. Defaults to the model of the last stage
            `train_teacher`, else to the original.
        loss: What is taught: `"auto"` is `"logits"` for classes and `"regression"` for
            numbers; `"decoupled"` and `"correlation"` are those of
            `tfcompress.distillation`.
        temperature: Softens the classes. Defaults to 4.
        weight: Of what is taught. Defaults to 1.
        student_loss_weight: Of the loss on the labels. Defaults to 0.1.
        cached: Whether the teacher runs over the data once, before the training, and
            its outputs are kept. Not for data that is augmented anew in each epoch.
            Defaults to False.

    Raises:
        ArgumentError: If a value has another type or is out of range.

    Example:
    ```python
    taught = tfc.pipeline.Distillation(teacher="original", temperature=2)
    several = tfc.pipeline.Distillation(teacher=["original", "large.keras"])
    ```
    """

    teacher: ModelSource | tuple[ModelSource, ...] | None = None
    loss: Literal["auto", "logits", "decoupled", "correlation", "regression"] = "auto"
    temperature: Positive = 4.0
    weight: Positive = 1.0
    student_loss_weight: NotNegative = 0.1
    cached: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.teacher == ():
            raise ArgumentError(
                "teacher must be one teacher at least; leave it out for the default. "
                "Received: teacher=[]"
            )

    @property
    def teachers(self) -> tuple[Any, ...]:
        """All teachers that were given; empty for the default."""
        if self.teacher is None:
            return ()
        return self.teacher if isinstance(self.teacher, tuple) else (self.teacher,)
