"""What a program leaves."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class ProgramResult:
    """What a program leaves.

    Attributes:
        student: The model that the program is run for, a plain one of the user's Keras,
            not compiled.
        students: The model of each stage, in order: generations, assistants, or peers.
        history: Of each stage by its name, the logs of each epoch, as `History.history`
            of Keras has them.

    Example:
    ```python
    from tfcompress.distillation.programs import ProgramResult

    result = ProgramResult("model", ("model",), {"first": {"loss": [0.5, 0.25]}})
    result.history["first"]["loss"][-1]  # 0.25
    ```
    """

    student: Any
    students: tuple[Any, ...]
    history: dict[str, dict[str, list[float]]]
