"""A teacher that runs over the data of a stage once."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfcompress.distillation import cache_teacher
from tfcompress.pipeline.teaching import Distillation


@contextlib.contextmanager
def stored_answers(
    distillation: Distillation | None, teacher: Any, train: Any, backup: Path | None
) -> Iterator[Any]:
    """Gives the teacher of a stage, its answers stored where the stage says so.

    Args:
        distillation: From whom the stage learns, or None.
        teacher: What `Distiller` takes for a teacher.
        train: The training data, in a form that `tfcompress.data.batches` accepts.
        backup: The file that keeps the last full epoch; the answers are kept beside it,
            so that a training that was killed finds them. None for a folder that is
            gone in the end.

    Yields:
        The teacher as it is, or a `CachedTeacher`.

    Raises:
        DataError: If answers are to be stored, and the data is augmented at random.

    Example:
    ```python
    from tfcompress.pipeline import Distillation
    from tfcompress.pipeline.fitting.stored_answers import stored_answers

    with stored_answers(Distillation(cached=True), teacher, (x, y), None) as stored:
        distiller = tfc.Distiller(
            stored, student, tfc.distillation.LogitsDistillation()
        )
    ```
    """
    if distillation is None or not distillation.cached:
        yield teacher
    elif backup is not None:
        yield cache_teacher(teacher, train, backup.with_suffix(".teacher"))
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield cache_teacher(teacher, train, folder)
