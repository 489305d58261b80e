"""Names that users give: patterns, and what they may have meant."""

import difflib
import fnmatch
from collections.abc import Iterable

_LISTED = 8
_SIMILARITY = 0.4


def matches(name: str, key: str) -> bool:
    """Returns whether a key is a name, or a pattern of it, such as `"block1_*"`.

    A name that holds brackets or stars itself is found by itself.
    """
    return name == key or fnmatch.fnmatchcase(name, key)


def nearest(key: str, names: Iterable[str]) -> list[str]:
    """Returns the names that are most like a key, for the message that it is none.

    Args:
        key: What the user wrote.
        names: The names that there are.

    Returns:
        Three at the most, the nearest first; the first eight names if none is like it.
    """
    known = list(names)
    near = difflib.get_close_matches(key, known, n=3, cutoff=_SIMILARITY)
    return near or known[:_LISTED]
