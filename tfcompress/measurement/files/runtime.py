"""A `.tflite` file on the runtime that ships."""

import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfcompress.data import check_finite, describe
from tfcompress.data import length as count_samples
from tfcompress.errors import ArgumentError, DataError, ModelError
from tfcompress.measurement.files.file import read_tflite
from tfcompress.measurement.files.file_graph import FileGraph
from tfcompress.measurement.files.subject import file_path
from tfcompress.measurement.files.tensor import TensorDetails
from tfcompress.measurement.files.trial import check_runs, trust

# What LiteRT raises of a file that it does not like, or has no memory for.
_ERRORS = (MemoryError, RuntimeError, TypeError, ValueError)


class LiteRTModel:
    """Runs a `.tflite` file on the LiteRT interpreter, as a phone does.

    Inputs and outputs are found by their names in the file's signature, for the
    order of outputs in a file is alphabetical and not that of the Keras model.
    Real numbers go in and come out, whatever the file stores. The default kernels
    are used, XNNPACK among them.

    It can go wherever the path of a file can. What measures quality, `latency` and
    `tfcompress.report.compare` then run this signature, on these threads.

    Args:
        path: The `.tflite` file. It is read whole, so it may be replaced afterwards.
        threads: Threads that one run may use. Defaults to 1.
        signature: Which of several signatures of the file to run. Defaults to the only
            one; a file without any runs its first graph, with the names of its tensors.
        delegates: Whether to run what XNNPACK has kernels for on XNNPACK, as LiteRT
            does by default; False runs all of it on LiteRT's own kernels.
        trusted: Whether this program wrote the file itself. Another file is first run
            once in a child process, for one that is damaged can end the process; the
            first such file costs about a second, and the same one nothing again.

    Raises:
        ModelError: If there is no such file, if it is empty, truncated, damaged or not
            a `.tflite` file, or if it holds operations that LiteRT lacks.
        ArgumentError: If `threads` is below 1, if `path` is none, or if the file has no
            such signature, or several and none is named.

    Example:
    ```python
    model = tfc.measurement.LiteRTModel("small.tflite")
    scores = model.predict(images)
    ```
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        threads: int = 1,
        signature: str | None = None,
        delegates: bool = True,
        trusted: bool = False,
    ) -> None:
        _check_count(threads, "threads")
        self.path = file_path(path)
        content = read_tflite(self.path)
        if trusted:
            trust(content)
        else:
            check_runs(content, self.path, delegates=delegates)
        self._graph = _load(
            content,
            self.path,
            threads=threads,
            signature=signature,
            delegates=delegates,
        )
        self._inputs, self._outputs = self._graph.inputs, self._graph.outputs
        if not self._inputs or not self._outputs:
            raise ModelError(
                "A file must have an input and an output. "
                f"Received: inputs {list(self._inputs)}, outputs "
                f"{list(self._outputs)} in {self.path}"
            )
        for name, details in self._inputs.items():
            if not details.shape:
                raise ModelError(
                    "Every input must have a first axis for the samples. "
                    f"Received: the scalar input '{name}' in {self.path}"
                )
        self._shapes: dict[str, tuple[int, ...]] = {}
        if not self._graph.has_open_sizes:
            self._shapes = {
                name: tuple(size or 1 for size in details.shape)
                for name, details in self._inputs.items()
            }

    @property
    def signature(self) -> str | None:
        """Name of the signature that is run, or None for a file without any."""
        return self._graph.signature

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the signatures of the file."""
        return self._graph.signatures

    @property
    def input_details(self) -> dict[str, TensorDetails]:
        """The inputs by name, in the order of the file's signature."""
        return dict(self._inputs)

    @property
    def output_details(self) -> dict[str, TensorDetails]:
        """The outputs by name."""
        return dict(self._outputs)

    def predict(self, x: Any, *, batch_size: int = 32) -> Any:
        """Runs the file on any number of samples.

        A file with a fixed batch, usually of one, is run as often as it takes, and
        the rest of its last batch is filled up and thrown away. State that an
        operation keeps from run to run, as the fused LSTM does, is reset before each
        run, so that no sample depends on the one before. Only a layer that was made
        stateful on purpose keeps its state, in variables of the file.

        Args:
            x: An array of shape `(samples, ...)`, a dict of arrays by input name, or
                a list of arrays in the order of `input_details`. That order is not
                the Keras model's, so a list is refused where two inputs have the
                same shape. Real numbers; they are quantized if the file takes
                quantized input. As in Keras, a last axis of size 1 may be left out.
            batch_size: Samples in one run of a file whose batch has no fixed size.

        Returns:
            The output as an array of shape `(samples, ...)`, float32 if the file
            stores it quantized. A dict of arrays by name if the file has several.

        Raises:
            DataError: If shape or dtype do not fit the file's inputs, if there is no
                sample, or if a number is NaN, infinite or beyond what the file stores.
            ArgumentError: If `batch_size` is no whole number of 1 or more.
            ModelError: If LiteRT fails in the run.
        """
        _check_count(batch_size, "batch_size")
        arrays = self._prepare(x)
        samples = count_samples(arrays)
        batch = self._fixed_batch() or min(batch_size, samples)
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self._outputs}
        for start in range(0, samples, batch):
            kept = min(batch, samples - start)
            rows = {
                name: self._fill(array[start : start + kept])
                for name, array in arrays.items()
            }
            self._write(rows)
            self._run()
            for name, values in self._read().items():
                parts[name].append(values[:kept])
        outputs = {name: np.concatenate(values) for name, values in parts.items()}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def __fspath__(self) -> str:
        return str(self.path)

    def invoke_once(self, x: Any = None) -> float:
        """Runs the file once on one batch, and times the run.

        Args:
            x: As in `predict`, as many samples as the file's batch has (one, if it
                has no fixed size). None runs it on zeros.

        Returns:
            Seconds of the run alone, without writing the input and reading the output.

        Raises:
            DataError: As `predict` does.
            ModelError: If LiteRT fails in the run.
        """
        batch = self._fixed_batch() or 1
        if x is None:
            rows = {name: self._zeros(name, batch) for name in self._inputs}
        else:
            rows = {
                name: self._fill(array[:batch])
                for name, array in self._prepare(x).items()
            }
        self._write(rows)
        return self._run()

    def _fixed_batch(self) -> int | None:
        for details in self._inputs.values():
            if details.shape[0] is not None:
                return details.shape[0]
        return None

    def _zeros(self, name: str, batch: int) -> np.ndarray:
        details = self._inputs[name]
        shape = (batch, *(size or 1 for size in details.shape[1:]))
        return details.quantize(np.zeros(shape, np.float32))

    def _fill(self, rows: np.ndarray) -> np.ndarray:
        missing = (self._fixed_batch() or 0) - len(rows)
        if missing <= 0:
            return rows
        return np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])

    def _prepare(self, x: Any) -> dict[str, np.ndarray]:
        arrays = _by_name(x, self._inputs)
        return {
            name: _fit(arrays[name], details) for name, details in self._inputs.items()
        }

    def _write(self, rows: Mapping[str, np.ndarray]) -> None:
        shapes = {name: array.shape for name, array in rows.items()}
        try:
            if shapes != self._shapes:
                self._graph.resize(shapes)
                self._shapes = shapes
            self._graph.write(rows)
        except _ERRORS as error:
            raise _failed(self.path, error, shapes) from error

    def _run(self) -> float:
        try:
            start = time.perf_counter()
            self._graph.run()
            return time.perf_counter() - start
        except _ERRORS as error:
            raise _failed(self.path, error, self._shapes) from error

    def _read(self) -> dict[str, np.ndarray]:
        batch = next(iter(self._shapes.values()))[0]
        try:
            values = {
                name: details.dequantize(self._graph.read(name))
                for name, details in self._outputs.items()
            }
        except _ERRORS as error:
            raise _failed(self.path, error, self._shapes) from error
        for name, array in values.items():
            if not array.ndim or array.shape[0] != batch:
                raise ModelError(
                    "Every output must have a first axis of one row for each sample. "
                    f"Received: output '{name}' of shape {array.shape} for {batch} "
                    f"samples, in {self.path}"
                )
        return values


def open_file(file: str | os.PathLike[str], *, threads: int = 1) -> LiteRTModel:
    """Loads a file, unless it is a `LiteRTModel` already.

    Args:
        file: The path of a `.tflite` file, or a `LiteRTModel`.
        threads: As in `LiteRTModel`.

    Returns:
        The `LiteRTModel`.

    Raises:
        ModelError: As `LiteRTModel` does.
        ArgumentError: As `LiteRTModel` does.

    Example:
    ```python
    model = open_file("small.tflite")
    ```
    """
    if isinstance(file, LiteRTModel):
        return file
    return LiteRTModel(file, threads=threads)


def _check_count(value: Any, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(
            f"{name} must be a whole number of 1 or more. Received: {name}={value}"
        )


def _load(
    content: bytes, path: Path, *, signature: str | None, **options: Any
) -> FileGraph:
    try:
        return FileGraph(content, signature=signature, **options)
    except KeyError as error:
        names = Interpreter(model_content=content).get_signature_list()
        raise ArgumentError(
            f"The file holds the signatures {list(names)}; name the one to run, as in "
            "LiteRTModel(path, signature=...), which may be measured in place of the "
            f"file. Received: signature={signature!r}, path={str(path)!r}"
        ) from error
    except _ERRORS as error:
        raise _failed(path, error) from error


def _failed(
    path: Path, error: Exception, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> ModelError:
    message = " ".join(str(error).split())
    if "Select TensorFlow op" in message:
        return ModelError(
            "The file holds TensorFlow operations (Flex) that LiteRT does not have, so "
            "phones need the whole of TensorFlow to run it. Export it with built-in "
            "operations only; recurrent layers need a fixed batch size. "
            f"Received: path={str(path)!r}"
        )
    if "unresolved custom op" in message.lower():
        return ModelError(
            "The file holds a custom operation that LiteRT does not have. Replace the "
            f"layer it comes from. Received: path={str(path)!r} ({message})"
        )
    if shapes:
        return ModelError(
            "LiteRT cannot run the file on inputs of these shapes and values; where "
            "the file leaves sizes open, larger ones may do, and numbers that choose a "
            "row of a table, as in an Embedding, must lie within it. "
            f"Received: {dict(shapes)}, path={str(path)!r} ({message})"
        )
    return ModelError(
        "LiteRT cannot run the file; export it again, with a fixed batch size and "
        f"without sparse encoding. Received: path={str(path)!r} ({message})"
    )


def _by_name(x: Any, inputs: Mapping[str, TensorDetails]) -> dict[str, Any]:
    names = list(inputs)
    if isinstance(x, Mapping):
        if set(x) != set(names):
            raise DataError(
                f"Expected a dict with the inputs {names}. Received: {list(x)}"
            )
        return dict(x)
    if len(names) == 1:
        single = isinstance(x, list | tuple) and len(x) == 1
        return {names[0]: x[0] if single else x}
    if not isinstance(x, list | tuple) or len(x) != len(names):
        raise DataError(
            f"Expected a dict of {len(names)} arrays, for the inputs {names}. "
            f"Received: {describe(x)}"
        )
    for first, second in itertools.combinations(inputs.values(), 2):
        if _may_be_swapped(first, second):
            raise DataError(
                "A file does not keep the order of the Keras model's inputs, and "
                f"'{first.name}' and '{second.name}' have the same shape; pass a dict "
                f"with the inputs {names}. Received: a list of {len(x)} arrays"
            )
    return dict(zip(names, x, strict=True))


def _may_be_swapped(first: TensorDetails, second: TensorDetails) -> bool:
    return len(first.shape) == len(second.shape) and all(
        a is None or b is None or a == b
        for a, b in zip(first.shape[1:], second.shape[1:], strict=True)
    )


def _fit(values: Any, details: TensorDetails) -> np.ndarray:
    sizes = ", ".join(str(size) for size in details.shape[1:])
    try:
        array = np.asarray(values)
    except ValueError as error:  # NumPy makes no array of rows of several lengths.
        raise DataError(
            f"Input '{details.name}' takes an array of shape (samples, {sizes}), so "
            f"all rows must have the same shape. Received: {type(values).__name__} "
            f"({error})"
        ) from error
    if array.ndim == len(details.shape) - 1 and details.shape[-1] == 1:
        array = array[..., np.newaxis]
    fits = array.ndim == len(details.shape) and all(
        expected in (None, received)
        for expected, received in zip(details.shape[1:], array.shape[1:], strict=True)
    )
    if not fits or not array.size:
        single = array.ndim == len(details.shape) - 1
        raise DataError(
            f"Input '{details.name}' takes an array of shape (samples, {sizes}), of "
            "one sample at least"
            + ("; pass x[np.newaxis] for a single sample" * single)
            + f". Received: an array of shape {array.shape}"
        )
    check_finite(array, f"Input '{details.name}'")
    return details.quantize(array)
