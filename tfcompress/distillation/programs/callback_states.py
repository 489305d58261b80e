"""What callbacks hold of a training, as plain data."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

_PLAIN = (type(None), bool, int, float, str)


class CallbackStates:
    """What callbacks have come to hold since a training began.

    That is every attribute with another value than when the training began, as far as
    it is numbers, text, None, arrays, functions of `keras.ops`, or lists, tuples and
    dicts of them: the best loss so far, how long ago it was, and the weights of that
    epoch. What a callback holds beside, such as an open file, it has to make anew in
    `on_train_begin`.

    Args:
        callbacks: Callbacks of either Keras.

    Example:
    ```python
    import keras
    from tfcompress.distillation.programs.callback_states import CallbackStates

    stopping = keras.callbacks.EarlyStopping()
    stopping.on_train_begin()
    states = CallbackStates([stopping])
    states.begin()
    stopping.wait = 2
    arrays = []
    assert states.keep(arrays) == [["EarlyStopping", {"wait": 2}]]
    ```
    """

    def __init__(self, callbacks: Sequence[Any]):
        self._callbacks = list(callbacks)
        self._begun: list[dict[str, str]] = [{} for _ in self._callbacks]

    def begin(self) -> None:
        """Notes what the callbacks hold where a training begins."""
        self._begun = [
            {name: _digest(value) for name, value in _plain_attributes(each).items()}
            for each in self._callbacks
        ]

    def keep(self, arrays: list[np.ndarray]) -> list[Any]:
        """Returns what the callbacks hold since then.

        Args:
            arrays: Arrays that are among it are put at the end of this list.

        Returns:
            For each callback the name of its class, and its state: plain data.
        """
        found = []
        for callback, begun in zip(self._callbacks, self._begun, strict=True):
            state = {
                name: _encode(value, arrays)
                for name, value in _plain_attributes(callback).items()
                if begun.get(name) != _digest(value)
            }
            found.append([type(callback).__name__, state])
        return found

    def restore(self, states: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
        """Gives the callbacks what `keep` returned.

        Args:
            states: What it returned. A callback gets the state of the first of its
                class that is left; one that was not there before begins anew.
            arrays: The list that it was given.
        """
        left = list(states)
        for callback in self._callbacks:
            kinds = [kind for kind, _ in left]
            if type(callback).__name__ in kinds:
                _, state = left.pop(kinds.index(type(callback).__name__))
                for name, value in state.items():
                    vars(callback)[name] = _decode(value, arrays)


def _plain_attributes(callback: Any) -> dict[str, Any]:
    return {name: v for name, v in vars(callback).items() if _is_plain(v)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return not value.dtype.hasobject
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(k) in _PLAIN and _is_plain(v) for k, v in value.items())
    return type(value) in _PLAIN or _is_operation(value)


def _is_operation(value: Any) -> bool:
    """Whether this is a function of `keras.ops`, by which Keras 3 tells the better."""
    name = getattr(value, "__name__", None)
    return isinstance(name, str) and getattr(keras.ops, name, None) is value


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """Returns plain values as JSON has them; arrays by their place in the list."""
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.asarray(value))
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return {kind: len(arrays) - 1}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encode(each, arrays) for each in value]}
    if type(value) is dict:
        return {"dict": [[key, _encode(each, arrays)] for key, each in value.items()]}
    return {"operation": value.__name__} if _is_operation(value) else value


def _decode(value: Any, arrays: Sequence[np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "operation":
        return getattr(keras.ops, content)
    if kind == "dict":
        return {key: _decode(each, arrays) for key, each in content}
    if kind in ("list", "tuple"):
        found = [_decode(each, arrays) for each in content]
        return found if kind == "list" else tuple(found)
    return arrays[content][()] if kind == "number" else arrays[content]


def _digest(value: Any) -> str:
    arrays: list[np.ndarray] = []
    digest = hashlib.sha256(json.dumps(_encode(value, arrays)).encode())
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
