"""The models that a stage leaves, as files in its folder."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfcompress import keras_compat
from tfcompress.errors import ModelError

MODEL = "model.keras"
TRAINED = "trained.keras"
_STOCK = ("keras", "tf_keras", "tfcompress", "builtins")


class ModelFiles:
    """Writes and reads the models of a run, with the layer classes of the user.

    Args:
        models: The models that came from the user, whose layers of their own the models
            of the stages may have.

    Example:
    ```python
    files = ModelFiles([model])
    files.write(folder, model)
    same = files.read(folder / MODEL)
    ```
    """

    def __init__(self, models: Iterable[Any]) -> None:
        self._own: dict[str, type] = {}
        for model in models:
            for layer in model._flatten_layers():
                kind = type(layer)
                if kind.__module__.split(".")[0] not in _STOCK:
                    self._own[kind.__name__] = kind

    def write(self, folder: Path, model: Any, trained: Any = None) -> None:
        """Writes the plain model, and what was trained where that is another."""
        model.save(folder / MODEL)
        if trained is not None and trained is not model:
            trained.save(folder / TRAINED)

    def read(self, path: Path, *, like: Any = None) -> Any:
        """Reads a model.

        Args:
            path: One of the two files.
            like: The user's model that it was made from, whose loss it gets.
        """
        with (
            keras_compat.keras().saving.custom_object_scope(self._own),
            keras_compat.tf_keras().saving.custom_object_scope(self._own),
        ):
            model = keras_compat.load_model(path, trusted=True)
        loss = getattr(like, "loss", None)
        if loss:
            weights = (like.get_compile_config() or {}).get("loss_weights")
            model.compile(loss=loss, loss_weights=weights)
        return model

    def check(self, model: Any, name: str) -> None:
        """Raises an error if a model cannot be kept in a file.

        Raises:
            ModelError: If it cannot be read back, or has other weights then.
        """
        with tempfile.TemporaryDirectory(prefix="tfcompress-") as folder:
            path = Path(folder) / MODEL
            try:
                model.save(path)
                same = _shapes(self.read(path)) == _shapes(model)
            except Exception as error:  # whatever a layer of the user's ends in
                raise _unkept(name, str(error)) from error
        if not same:
            raise _unkept(name, "the weights in the file are others")


def _shapes(model: Any) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in model.weights]


def _unkept(name: str, reason: str) -> ModelError:
    said = " ".join(reason.split())[:300]
    return ModelError(
        f"{name} must be a model that Keras can save and load again: give layers of "
        "your own a get_config, and register them with register_keras_serializable. "
        f"Received: {name} for which that fails ({said})"
    )


def check_needs(model: Any, needs: Iterable[str], name: str) -> None:
    """Raises an error unless a model has a layer of one of some kinds.

    Args:
        model: A model of either Keras.
        needs: Kinds of layers, such as `("LSTM", "GRU")`; of none, any model will do.
        name: What the pipeline is called that needs them.

    Raises:
        ModelError: If it has none.
    """
    wanted = set(needs)
    found = set(_kinds(model.get_config()))
    if wanted and not wanted & found:
        stock = vars(keras_compat.keras_of(model).layers)
        layers = ", ".join(sorted(found & set(stock)))
        raise ModelError(
            f"{name!r} is for models with a layer of one of these kinds: "
            f"{', '.join(needs)}. Choose another pipeline for this model. "
            f"Received: model={model.name!r} with {layers}"
        )


def _kinds(config: Any) -> Iterable[str]:
    """Yields the classes of layers in the config of a model, at any depth."""
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str):
            yield config["class_name"]
        config = list(config.values())
    if isinstance(config, list | tuple):
        for part in config:
            yield from _kinds(part)
