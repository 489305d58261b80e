"""Paths of models and of data, checked before anything heavy is loaded."""

from pathlib import Path

from tfcompress.errors import DataError, ModelError, TFCompressError
from tfcompress.names import nearest
from tfcompress.sources.named_function import is_function_name

_MODEL_FORMS = (
    "a .keras or .h5 file, a SavedModel folder of tf_keras, or module:function"
)
_OTHERS = (".tflite", ".onnx", ".pt", ".pth", ".pb")
DATA_FORMS = (
    "an .npz file, a folder of images by class, a .csv or .tsv file, a .tfrecord file, "
    "a folder of such files named train, validation and test, or module:function"
)


def check_model_path(text: str, *, measured: bool = False) -> None:
    """Raises an error for a path that is surely none of a model.

    Args:
        text: What `read_model` takes. The name of a function passes.
        measured: Whether a `.tflite` file does as well, for it is only measured.

    Raises:
        ModelError: If there is no such file, or it is of another framework.

    Example:
    ```python
    from tfcompress.sources.paths import check_model_path

    check_model_path("networks.py:make_model")
    ```
    """
    if is_function_name(text):
        return
    forms = f"a .tflite file, {_MODEL_FORMS}" if measured else _MODEL_FORMS
    if text.endswith(_OTHERS) and not (measured and text.endswith(".tflite")):
        raise ModelError(
            f"Expected a Keras model that can be trained: {forms}. A "
            f"{Path(text).suffix} file cannot be trained again. Received: {text!r}"
        )
    _check_there(text, forms, ModelError)


def check_data_path(text: str) -> None:
    """Raises an error for a path at which there is nothing.

    Args:
        text: What `read_data` takes. The name of a function passes.

    Raises:
        DataError: If there is no such file or folder.

    Example:
    ```python
    from tfcompress.sources.paths import check_data_path

    check_data_path("sets:make_data")
    ```
    """
    if not is_function_name(text):
        _check_there(text, DATA_FORMS, DataError)


def _check_there(text: str, forms: str, error: type[TFCompressError]) -> None:
    path = Path(text)
    if path.suffix == ".py" and path.is_file():
        raise error(
            f"Name a function of the file too, as {text}:function; expected {forms}. "
            f"Received: {text!r}"
        )
    if path.exists():
        return
    beside = [each.name for each in path.parent.glob("[!.]*")]
    near = ", ".join(nearest(path.name, beside)) if beside else ""
    raise error(
        f"There is no such file or folder; expected {forms}. "
        f"Received: {text!r}" + (f"; beside it are {near}" if near else "")
    )
