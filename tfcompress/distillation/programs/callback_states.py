"""What callbacks hold of a training, as plain data."""

import hashlib
import json
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np

_PLAIN = (type(None), bool, int, float, str)
_KINDS = "biufcSU"
_KERASES = ("keras", "tf_keras")


class CallbackStates:
    """What callbacks have come to hold since a training began.

    That is every attribute with another value than when the training began, as far as
    it is numbers, text, None, arrays, functions of `keras.ops`, or lists, tuples and
    dicts of them: the best loss so far, how long ago it was, and the weights of that
    epoch. What a callback holds beside, such as an open file, it has to make anew in
    `on_train_begin`. Where that is data, such as a deque or a variable, and has
    changed, a warning says once that it is not kept.

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
        self._told: set[str] = set()

    def begin(self) -> None:
        """Notes what the callbacks hold where a training begins."""
        self._begun = [
            {name: _mark(value) for name, value in vars(each).items()}
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
            state = {}
            for name, value in vars(callback).items():
                mark = _mark(value)
                if mark and mark != begun.get(name):
                    if _is_plain(value):
                        state[name] = _encode(value, arrays)
                    else:
                        self._tell(callback, name)
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

    def _tell(self, callback: Any, name: str) -> None:
        """Says once that an attribute is not kept, unless Keras makes it anew."""
        kind = type(callback)
        what = f"{kind.__name__}.{name}"
        if kind.__module__.split(".")[0] in _KERASES or what in self._told:
            return
        self._told.add(what)
        warnings.warn(
            f"{what} has changed in the training and is not kept: a training that was "
            "interrupted goes on without it. Make it of numbers, text, NumPy arrays, "
            "lists, tuples and dicts. "
            f"Received: {type(vars(callback)[name]).__name__}",
            stacklevel=2,
        )


def _mark(value: Any) -> str:
    """Returns what tells whether a value has changed; `""` where it is no data."""
    if _is_plain(value):
        return _digest(value)
    if isinstance(value, Collection) or hasattr(value, "numpy"):
        return hashlib.sha256(f"{id(value)} {value!r}".encode()).hexdigest()
    return ""


def _is_plain(value: Any, within: tuple[int, ...] = ()) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in _KINDS or value.dtype.name == "bfloat16"
    if type(value) not in (list, tuple, dict):
        return type(value) in _PLAIN or _is_operation(value)
    if id(value) in within:
        return False  # It holds itself.
    within = (*within, id(value))
    if type(value) is not dict:
        return all(_is_plain(each, within) for each in value)
    return all(type(k) in _PLAIN and _is_plain(v, within) for k, v in value.items())


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
