"""Tells where a file has lost much of what its model can do."""

from collections.abc import Mapping

LARGE_LOSS = 0.05
"""Points of accuracy, of macro F1 or of R2, as a share."""

ROUNDING = 1e-9
"""What a drop may be above its limit, for float numbers differ by their last digit."""

_METRICS = ("accuracy", "macro_f1", "r2")


def loses_much(metric: str, original: float, found: float) -> bool:
    """Returns whether a metric of a file lies far below that of the original.

    Far is more than 0.05: 5 points of accuracy, of macro F1, or of R2 in hundredths.
    Other metrics have no such scale, so they never do.

    Args:
        metric: Its name, with or without that of an output, as in `"class/accuracy"`.
        original: What it gives for the original.
        found: What it gives for the file.

    Example:
    ```python
    assert loses_much("accuracy", 0.90, 0.80)
    assert not loses_much("mae", 1.0, 0.5)
    ```
    """
    is_scaled = metric.rpartition("/")[2] in _METRICS
    return is_scaled and original - found > LARGE_LOSS + ROUNDING


def describe_loss(
    original: Mapping[str, float], found: Mapping[str, float], *, in_float: bool
) -> str | None:
    """Says what a file has lost and what helps, where `loses_much` holds.

    Args:
        original: Metrics of the original by name.
        found: Those of the file.
        in_float: Whether the file computes in float, so that another target would not
            help.

    Returns:
        Some sentences about the first metric that lost much, or None where none did.

    Example:
    ```python
    print(describe_loss({"accuracy": 0.9}, {"accuracy": 0.6}, in_float=False))
    ```
    """
    lost = [
        name
        for name, value in original.items()
        if name in found and loses_much(name, value, found[name])
    ]
    if not lost:
        return None
    first = lost[0]
    wider = "" if in_float else "a file that computes in float (target cpu_float16), "
    return (
        f"The file lost much: its {first} is {found[first]:.4f}, and that of the "
        f"original {original[first]:.4f}. What helps: longer training (more epochs), "
        f"{wider}or another recipe."
    )
