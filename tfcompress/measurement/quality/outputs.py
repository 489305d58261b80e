"""What a model gives, output by output, whatever the form."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfcompress.data import describe
from tfcompress.errors import DataError, ModelError
from tfcompress.measurement.files.runtime import open_file
from tfcompress.measurement.files.subject import path_of
from tfcompress.measurement.quality.fitting import explain_misfit
from tfcompress.names import number_repeated

# The name of a model's only output, which nobody needs to call by its name.
ONLY = ""


class OutputReader:
    """Runs a Keras model or a `.tflite` file, and names what it gives.

    Args:
        model_or_file: A built model of either Keras, or the path of a `.tflite` file or
            a `LiteRTModel`.
        threads: Threads for a `.tflite` file.

    Raises:
        ModelError: If the model or file cannot be used.
        ArgumentError: If it is neither.

    Example:
    ```python
    reader = OutputReader(model, threads=1)
    scores = reader.run(images)[""]
    ```
    """

    def __init__(self, model_or_file: Any, threads: int) -> None:
        path = path_of(model_or_file)
        self._model = model_or_file
        self._run: Callable[[Any], Any] = (
            self._run_model
            if path is None
            else open_file(model_or_file, threads=threads).predict
        )
        self.name = (
            f"the model {model_or_file.name!r}"
            if path is None
            else f"the file {str(path)!r}"
        )
        self._order: list[str] | None = None

    def run(self, x: Any) -> dict[str, np.ndarray]:
        """Runs a batch.

        Args:
            x: An array, or a list or dict of arrays.

        Returns:
            Float32 arrays of shape `(batch, ..., outputs)` by output name, which is
            `""` for a single output.

        Raises:
            DataError: If the batch does not fit the model.
            ModelError: If an output is not a finite array with a row for each sample.
        """
        said = self._run(x)
        if isinstance(said, Mapping):
            outputs = dict(said)
        elif isinstance(said, list | tuple):
            names = getattr(self._model, "output_names", None)
            names = names or [f"output_{number}" for number in range(len(said))]
            outputs = dict(zip(number_repeated(names), said, strict=True))
            self._order = list(outputs)
        else:
            outputs = {ONLY: said}
        if len(outputs) == 1:
            outputs = {ONLY: next(iter(outputs.values()))}
        return {name: self._as_scores(array) for name, array in outputs.items()}

    def split(self, arrays: Any, outputs: list[str], name: str) -> dict[str, Any]:
        """Returns which of the labels, or sample weights, belong to which output.

        Args:
            arrays: What the data holds: an array, a dict by output name, a list in the
                order of the model's outputs, or None.
            outputs: Names of the outputs.
            name: What to call the arrays in a message, such as `"y"`.

        Returns:
            Those that are there, by output name.

        Raises:
            DataError: If they cannot be told apart.
        """
        if arrays is None:
            return {}
        if outputs == [ONLY]:
            single = isinstance(arrays, dict | list) and len(arrays) == 1
            values = arrays.values() if isinstance(arrays, dict) else arrays
            return {ONLY: next(iter(values)) if single else arrays}
        if isinstance(arrays, dict) and set(arrays) <= set(outputs):
            return {key: value for key, value in arrays.items() if value is not None}
        if isinstance(arrays, list) and self._order and len(arrays) == len(outputs):
            return dict(zip(self._order, arrays, strict=True))
        received = list(arrays) if isinstance(arrays, dict) else describe(arrays)
        raise DataError(
            f"Expected {name} as a dict by the names of the outputs {outputs}, or for "
            "a Keras model whose outputs are a list as a list in their order. "
            f"Received: {name}={received} for {self.name}"
        )

    def _run_model(self, x: Any) -> Any:
        with explain_misfit(self._model, x):
            return self._model.predict_on_batch(x)

    def _as_scores(self, output: Any) -> np.ndarray:
        scores = np.asarray(output)
        if not scores.ndim or scores.dtype.kind not in "iufb":
            raise ModelError(
                "Every output must be an array of numbers with one row for each "
                f"sample. Received: {describe(output)} of {self.name}"
            )
        scores = scores[:, np.newaxis] if scores.ndim == 1 else scores
        scores = scores.astype(np.float32, copy=False)
        if not np.isfinite(scores).all():
            raise ModelError(
                "The model's output must be finite; look for NaN or infinite weights, "
                f"and for a division by zero. Received: {(~np.isfinite(scores)).sum()} "
                f"scores that are not, of {self.name}"
            )
        return scores
