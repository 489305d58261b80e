"""Models from files and SavedModel folders, of either Keras, from anywhere."""

import importlib
import io
import json
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfcompress.errors import ModelError
from tfcompress.keras_compat import modules
from tfcompress.keras_compat.saved_model import describe_saved_model

_OLD_MODULES = ("activation_range", "pruned_layer", "rounded_layer", "trainable")
_KERAS_MODULES = ("keras", "tf_keras", "builtins")
_LONGEST = 300


def load_model(path: str | os.PathLike[str], *, trusted: bool = False) -> Any:
    """Loads a model that was saved by Keras 3 or by tf_keras.

    The file says which Keras wrote it, and by that one it is loaded, without its
    optimizer. Layers of tfcompress in it, those of pruning and of quantization-aware
    training, are known.

    Args:
        path: A `.keras` or `.h5` file, or a SavedModel folder that `model.save` of
            tf_keras wrote.
        trusted: Whether the file may run code: that of a `Lambda` layer, which it
            holds, or that of modules which it names. A file that would is refused
            unless it is trusted.

    Returns:
        The model.

    Raises:
        ModelError: If there is no such file, if it is damaged, of another kind or holds
            weights or functions alone, if it holds a `Lambda` or names a module of
            neither Keras and is not trusted, or if it holds layers that nobody has
            registered.

    Example:
    ```python
    import keras
    from tfcompress.keras_compat import load_model

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save("small.keras")
    model = load_model("small.keras")
    ```
    """
    name = str(Path(path))
    try:
        version, config = _describe(name)
    except ModelError:
        raise
    except Exception as error:  # whatever a damaged zip or HDF5 file ends in
        raise _damaged(name, error) from error
    if config is None:
        raise ModelError(
            "Expected a file of a whole model, written by model.save. "
            f"Received: path={name!r}, which holds weights alone"
        )
    if not trusted and _has_lambda(config):
        raise ModelError(
            "The file holds a Lambda layer: Python code, which loading it would run. "
            "Load it only if you trust where it comes from, with trusted=True "
            f"(`--trust` on the command line). Received: path={name!r}"
        )
    keras = "tf_keras" if version.split(".")[0] in ("1", "2") else "keras"
    if keras == "tf_keras":
        for module in _OLD_MODULES:
            importlib.import_module(f"tfcompress.keras_compat.{module}")
    if not trusted and (foreign := _foreign_objects(config, modules.module(keras))):
        raise _unregistered(name, foreign, "; or pass trusted=True (`--trust`)")
    return _load(name, keras, _own_classes(config), trusted=trusted)


def _read(name: str) -> bytes:
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise ModelError(
            "Expected the path of a .keras or .h5 file that can be read. "
            f"Received: path={name!r} ({error.strerror})"
        ) from error
    if not content:
        raise ModelError(
            "Expected a .keras or .h5 file; save the model again. "
            f"Received: path={name!r}, which is empty"
        )
    return content


def _describe(name: str) -> tuple[str, Any]:
    """Returns the version of the Keras that wrote a file, and its model as data.

    What is read here is what either Keras then reads: bytes can be a zip and HDF5 both.
    """
    if Path(name).is_dir():
        return "2", describe_saved_model(name)
    content = _read(name)
    if not (name.endswith(".keras") and zipfile.is_zipfile(io.BytesIO(content))):
        h5py = importlib.import_module("h5py")
        with h5py.File(io.BytesIO(content), "r") as file:
            written = file.attrs.get("model_config")
            version = file.attrs.get("keras_version", "2")
            return str(version), None if written is None else json.loads(written)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        broken = archive.testzip()
        if broken is not None:
            raise ValueError(f"{broken} in it is damaged")
        config = json.loads(archive.read("config.json"))
        return json.loads(archive.read("metadata.json"))["keras_version"], config


def _has_lambda(config: Any) -> bool:
    """Returns whether there is a Lambda, or a function as code, at any depth."""
    lambdas = ("Lambda", "__lambda__")
    return any(node.get("class_name") in lambdas for node in _nodes(config))


def _foreign_objects(config: Any, keras: Any) -> set[str]:
    """Returns what a model would have imported from modules that nobody vouches for.

    tf_keras imports whatever module a file names, also in its safe mode, except for a
    class or function that is registered under the name by which it looks it up.
    """
    found = set()
    for node in _nodes(config):
        module, kind = node.get("module"), node.get("class_name")
        if module is None or _root(module) in (*_KERAS_MODULES, "tfcompress"):
            continue
        name = node.get("registered_name", kind)
        name = node.get("config") if kind == "function" else name
        if keras.saving.get_registered_object(str(name)) is None:
            found.add(f"{module}.{name if kind == 'function' else kind}")
    return found


def _own_classes(config: Any) -> set[str]:
    """Returns the classes in a model that are of neither Keras."""
    return {
        str(node.get("class_name"))
        for node in _nodes(config)
        if node.get("registered_name")
        and _root(node.get("module")) not in _KERAS_MODULES
    }


def _nodes(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yields every mapping in a model as data, at any depth."""
    if isinstance(config, Mapping):
        yield config
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _nodes(part)


def _root(module: Any) -> str:
    return str(module).split(".")[0]


def _load(name: str, keras: str, own: set[str], *, trusted: bool) -> Any:
    load = modules.module(keras).models.load_model
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load(name, compile=False, safe_mode=not trusted)
    except ModelError:
        raise
    except Exception as error:
        if own:
            raise _unregistered(name, own) from error
        raise _damaged(name, error) from error


def _unregistered(name: str, own: set[str], otherwise: str = "") -> ModelError:
    return ModelError(
        "The file holds layers or functions of its own. Import the modules that "
        f"register them (register_keras_serializable) before loading it{otherwise}. "
        f"Received: path={name!r}, with {', '.join(sorted(own))[:_LONGEST]}"
    )


def _damaged(name: str, error: Exception) -> ModelError:
    said = " ".join(str(error).split())
    said = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    return ModelError(
        "Expected a .keras or .h5 file as model.save writes it. This one is damaged "
        "or of another kind. "
        f"Received: path={name!r} ({said or type(error).__name__})"
    )
