"""Names that users give: patterns, numbers, and what they may have meant."""

import difflib
import fnmatch
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from tfcompress.errors import ArgumentError

_LISTED = 8
_SIMILARITY = 0.4
_MEANT = 0.6


def matches(name: str, key: str) -> bool:
    """Returns whether a key is a name, or a pattern of it, such as `"block1_*"`.

    A name that holds brackets or stars itself is found by itself.
    """
    return name == key or fnmatch.fnmatchcase(name, key)


def find_key(name: str, keys: Iterable[str]) -> str | None:
    """Returns the key that says what is to become of a name.

    Args:
        name: Such as that of a layer.
        keys: Names and patterns. The very name goes before patterns, the first pattern
            before the next.

    Returns:
        The key, or None where none is the name or a pattern of it.
    """
    known = list(keys)
    if name in known:
        return name
    return next((key for key in known if matches(name, key)), None)


def read_choices(value: Any, known: Sequence[str], argument: str) -> tuple[str, ...]:
    """Returns names of which a user may give one or several.

    Args:
        value: A name, or names.
        known: Those that there are.
        argument: What the argument is called, for the message.

    Returns:
        The names.

    Raises:
        ArgumentError: If one of them is not known.
    """
    single = isinstance(value, str) or not isinstance(value, Iterable)
    names = (value,) if single else tuple(value)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ArgumentError(
            f"{argument} may hold {list(known)}. Received: {argument}={unknown}"
        )
    return names


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


def suggest(key: str, names: Iterable[str]) -> str:
    """Says which name was meant, or which names there are, for the end of a message.

    Args:
        key: What the user wrote.
        names: The names that there are.

    Returns:
        Such as `"did you mean 'sparsity'?"` or `"expected one of 'l1', 'l2'."`
    """
    known = list(names)
    near = difflib.get_close_matches(key, known, n=2, cutoff=_MEANT)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"expected one of {', '.join(map(repr, known))}."


def number_repeated(names: Iterable[str]) -> tuple[str, ...]:
    """Returns names with a number behind each that was there before.

    tf_keras names several outputs of one layer so: `lstm`, `lstm_1`, `lstm_2`.
    """
    found: dict[str, None] = {}
    for name in names:
        numbered = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
        found[next(each for each in numbered if each not in found)] = None
    return tuple(found)
