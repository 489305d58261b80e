"""How the stages of a pipeline are called, and where their models come from."""

from collections.abc import Sequence
from difflib import get_close_matches

from tfcompress.errors import ArgumentError
from tfcompress.names import nearest
from tfcompress.pipeline.stages import FittingStage, Stage

ORIGINAL = "original"


def name_stages(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Returns the name of each stage: its own, or its kind with a number.

    Args:
        stages: The stages in their order.

    Raises:
        ArgumentError: If two have one name, or one is called `"original"`.

    Example:
    ```python
    from tfcompress.pipeline import Export
    from tfcompress.pipeline.stage_names import name_stages

    assert name_stages([Export(), Export()]) == ("export", "export_2")
    ```
    """
    given = [stage.name for stage in stages if stage.name is not None]
    double = sorted({name for name in given if given.count(name) > 1})
    if double or ORIGINAL in given:
        raise ArgumentError(
            "Each stage must have a name of its own, other than 'original'. "
            f"Received: names={given}"
        )
    names: list[str] = []
    for stage in stages:
        name = stage.name or stage.kind
        number = 2
        while stage.name is None and (name in names or name in given):
            name, number = f"{stage.kind}_{number}", number + 1
        names.append(name)
    return tuple(names)


def check_sources(stages: Sequence[Stage], number: int) -> None:
    """Raises an error unless the student and the teachers of a stage can be models.

    Args:
        stages: The stages in their order.
        number: Which of them.

    Raises:
        ArgumentError: If it learns from a stage that has no model or does not come
            before it, or from a text that is neither a stage, a file nor a function.

    Example:
    ```python
    from tfcompress.pipeline import Distil, Distillation
    from tfcompress.pipeline.stage_names import check_sources

    check_sources([Distil(distillation=Distillation(teacher="original"))], 0)
    ```
    """
    stage, names = stages[number], name_stages(stages)
    student = getattr(stage, "student", None)
    if isinstance(student, str) and not _is_source(student):
        raise ArgumentError(
            "student must be a .keras file, 'module:function', or a model. "
            f"Received: student={student!r}"
        )
    taught = stage.distillation if isinstance(stage, FittingStage) else None
    for teacher in taught.teachers if taught is not None else ():
        if isinstance(teacher, str) and teacher in names:
            _check_stage(stages[names.index(teacher)], teacher, names, number)
        elif isinstance(teacher, str) and teacher != ORIGINAL:
            before = zip(names[:number], stages[:number], strict=True)
            fitting = [name for name, each in before if isinstance(each, FittingStage)]
            _check_teacher(teacher, [ORIGINAL, *fitting])


def _is_source(text: str) -> bool:
    return ":" in text or text.endswith((".keras", ".h5"))


def _check_stage(stage: Stage, teacher: str, names: Sequence[str], number: int) -> None:
    """Raises an error unless a stage may teach another."""
    if not isinstance(stage, FittingStage):
        raise ArgumentError(
            f"The stage {names[number]!r} learns from {teacher!r}, which "
            "has no model; name a stage that trains, prunes or quantizes. "
            f"Received: teacher={teacher!r}"
        )
    if names.index(teacher) >= number:
        raise ArgumentError(
            f"The stage {names[number]!r} learns from {teacher!r}, which "
            "must come before it. Received: "
            f"teacher={teacher!r} in stages {list(names)}"
        )


def _check_teacher(text: str, stages: Sequence[str]) -> None:
    if _is_source(text):
        return
    near = get_close_matches(text, stages, n=1)
    raise ArgumentError(
        f"teacher must be an earlier stage ({', '.join(nearest(text, stages))}), a "
        ".keras file, 'module:function', or a model"
        + (f"; did you mean {near[0]!r}?" if near else ".")
        + f" Received: teacher={text!r}"
    )
