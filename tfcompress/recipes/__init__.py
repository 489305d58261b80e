"""Recipes: pipelines as YAML files, one for each goal, ready to run.

Reading and running them is the pipeline's; here are only the files, so that a list of
them costs nothing.
"""

from pathlib import Path

from tfcompress.errors import ArgumentError
from tfcompress.names import nearest

__all__ = ["names", "path"]

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Returns the names of the shipped recipes, by the alphabet.

    Example:
    ```python
    print(tfc.recipes.names())
    ```
    """
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.yaml")))


def path(name: str) -> Path:
    """Returns where the file of a shipped recipe is.

    Args:
        name: One of `names()`.

    Returns:
        The path of its YAML file, to be read, or copied and changed.

    Raises:
        ArgumentError: If there is no such recipe; the message has the nearest names.

    Example:
    ```python
    print(tfc.recipes.path("balanced").read_text())
    ```
    """
    known = names()
    if name not in known:
        raise ArgumentError(
            "There is no recipe of that name. Did you mean one of: "
            f"{', '.join(nearest(str(name), known))}? Received: name={name!r}"
        )
    return _FOLDER / f"{name}.yaml"
