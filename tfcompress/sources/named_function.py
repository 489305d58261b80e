"""Functions of the user's, named as `module:function` or `path/to/file.py:function`."""

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tfcompress.errors import TFCompressError
from tfcompress.names import nearest


def is_function_name(text: str) -> bool:
    """Returns whether a text has the form `module:function` or `file.py:function`.

    A file or folder of this name is none.
    """
    home, colon, function = text.rpartition(":")
    if not colon or not function.isidentifier() or os.path.exists(text):
        return False
    return home.endswith(".py") or all(map(str.isidentifier, home.split(".")))


def call_named_function(text: str, *, error: type[TFCompressError]) -> Any:
    """Calls a function of the user's and returns what it returns.

    While the module is imported and the function runs, modules are found in the current
    folder too, and beside the file where one is named.

    Args:
        text: `"module:function"`, `"package.module:function"` or
            `"path/to/file.py:function"`. The function takes no arguments.
        error: What to raise.

    Returns:
        What the function returns.

    Raises:
        TFCompressError: Of the class `error`, if there is no such module or function,
            if it needs arguments, or if the module or the function raises.

    Example:
    ```python
    import pathlib
    from tfcompress.errors import DataError
    from tfcompress.sources.named_function import call_named_function

    pathlib.Path("numbers_of_mine.py").write_text("def three(): return 3")
    assert call_named_function("numbers_of_mine:three", error=DataError) == 3
    ```
    """
    home, _, name = text.rpartition(":")
    folders = [os.getcwd()]
    if home.endswith(".py"):
        folders.insert(0, os.path.dirname(os.path.abspath(home)))
    with _found_in(folders):
        module = _import(text, home, error)
        function = _find(text, module, name, error)
        with _told(f"{name} raised an error", text, error):
            return function()


def _import(text: str, home: str, error: type[TFCompressError]) -> ModuleType:
    if home.endswith(".py"):
        if not os.path.isfile(home):
            raise error(f"There is no such file. Received: {text!r}")
        with _told("The file cannot be imported", text, error):
            return _import_file(home)
    try:
        known = importlib.util.find_spec(home) is not None
    except Exception:  # whatever a package raises that has to be imported first
        known = False
    if not known and home.partition(".")[0] not in sys.modules:
        files = sorted(path.stem for path in Path.cwd().glob("*.py"))
        near = f"; here are {', '.join(nearest(home, files))}" if files else ""
        raise error(
            "There is no such module, in the current folder or installed. Name it as "
            f"module:function or path/to/file.py:function. Received: {text!r}{near}"
        )
    with _told("The module cannot be imported", text, error):
        return importlib.import_module(home)


def _import_file(path: str) -> ModuleType:
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    # What looks classes up by the name of their module finds them here.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _find(
    text: str, module: ModuleType, name: str, error: type[TFCompressError]
) -> Callable[[], Any]:
    function = getattr(module, name, None)
    if not callable(function):
        own = [
            key
            for key, value in vars(module).items()
            if inspect.isfunction(value) and not key.startswith("_")
        ]
        near = f"; its functions: {', '.join(nearest(name, own))}" if own else ""
        raise error(f"The module has no function {name!r}. Received: {text!r}{near}")
    try:
        inspect.signature(function).bind()
    except TypeError as reason:
        raise error(
            f"{name} must be a function that needs no arguments ({reason}). "
            f"Received: {text!r}"
        ) from reason
    except ValueError:  # A function written in C does not tell its arguments.
        pass
    return function


@contextlib.contextmanager
def _told(what: str, text: str, error: type[TFCompressError]) -> Iterator[None]:
    """Turns whatever the user's code raises into one clear line."""
    try:
        yield
    except (Exception, SystemExit) as reason:
        said = " ".join(str(reason).split()) or "without a message"
        raise error(
            f"{what}: {type(reason).__name__}: {said}. Received: {text!r}"
        ) from reason


@contextlib.contextmanager
def _found_in(folders: list[str]) -> Iterator[None]:
    """Lets modules be found in these folders first."""
    sys.path[:0] = folders
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for folder in folders:
            with contextlib.suppress(ValueError):
                sys.path.remove(folder)
