"""Recipes as they are named on a command line."""

from pathlib import Path

from tfcompress import recipes


def find_recipe(text: str) -> Path:
    """Returns the path of a recipe, by its name or its path.

    Args:
        text: A name from `recipes.names()`; else a path, if it ends in `.yaml` or
            `.yml`, has a separator or a colon, or is there.

    Raises:
        ArgumentError: If it is neither; the message has the nearest names.
    """
    path = Path(text)
    if text in recipes.names():
        return recipes.path(text)
    looks_so = path.suffix in (".yaml", ".yml") or path.name != text or ":" in text
    return path if looks_so or path.is_file() else recipes.path(text)
