"""Whether data can train and test a model, found out before anything is trained."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfcompress import data as data_module
from tfcompress.data import Batch, describe, leaves
from tfcompress.errors import DataError
from tfcompress.names import nearest
from tfcompress.pipeline.fitting.task import (
    BATCHES_LOOKED_AT,
    OutputTask,
    find_task,
    read_labels,
)
from tfcompress.pipeline.stages import Export, FittingStage, Stage
from tfcompress.sources.embeddings import words_of_inputs
from tfcompress.sources.model_inputs import ModelInput, inputs_of

_INFINITE = -1


def check_data(
    model: Any, train: Any, validation: Any, test: Any, *, batch_size: int
) -> None:
    """Raises an error unless data can train and test a model.

    Arrays are checked whole. Of a `tf.data.Dataset`, and of what else comes in batches,
    the inputs of the first batch are checked, the labels of the first 32, and how many
    batches there are where it tells; nothing else of it is read. That all labels are of
    one class is found where there are no more batches than these.

    Args:
        model: A built functional or Sequential model of either Keras.
        train: Inputs and labels, in a form that `tfcompress.data.batches` accepts.
        validation: The same.
        test: The same.
        batch_size: Samples in a step of the training, of which `train` must hold one
            at the least, where it holds arrays.

    Raises:
        DataError: If a part is empty, an iterator, or of fewer samples than a batch; if
            inputs have other names, shapes or dtypes than the model takes; if numbers
            are NaN or infinite; if labels do not fit the outputs or are of one class
            alone.

    Example:
    ```python
    import keras, numpy as np
    from tfcompress.pipeline.data_checks import check_data

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    data = np.random.rand(60, 4), np.arange(60) % 3
    check_data(model, data, data, data, batch_size=32)
    ```
    """
    inputs = inputs_of(model)
    words = words_of_inputs(model)
    checked: list[Any] = []
    for name, part in {"train": train, "validation": validation, "test": test}.items():
        if any(part is each for each in checked):
            continue
        checked.append(part)
        _check_form(part, name)
        batch = Batch(*part) if isinstance(part, tuple) else _first(part, name)
        _check_inputs(batch.x, inputs, words, name)
        _check_lengths(batch, name)
        task = _check_labels(model, part, name)
        if name == "train":
            _check_samples(batch, part, batch_size)
            _check_classes(model, part, task.outputs)


def check_stages_data(
    stages: Sequence[Stage], model: Any, train: Any, validation: Any, test: Any
) -> None:
    """Raises an error for data on which stages cannot work; see `check_data`.

    Args:
        stages: The stages of a pipeline.
        model: A built model of either Keras.
        train: Inputs and labels; None where all stages are exports, whose schemes may
            need none.
        validation: The same.
        test: The same.

    Raises:
        DataError: If they cannot.

    Example:
    ```python
    import keras, numpy as np
    from tfcompress.pipeline import FineTune
    from tfcompress.pipeline.data_checks import check_stages_data

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    data = np.random.rand(60, 4), np.arange(60) % 3
    check_stages_data([FineTune()], model, data, data, data)
    ```
    """
    if train is not None or not all(isinstance(stage, Export) for stage in stages):
        sizes = [
            stage.training.batch_size
            for stage in stages
            if isinstance(stage, FittingStage) and stage.training is not None
        ]
        batch_size = max(sizes, default=1)
        check_data(model, train, validation, test, batch_size=batch_size)


def _check_form(part: Any, name: str) -> None:
    """Raises an error for what cannot be read, or not twice, or never ends."""
    if part is None:
        raise DataError(f"There must be data for {name}. Received: {name}=None")
    if isinstance(part, tuple) and not 1 <= len(part) <= 3:
        raise DataError(
            f"{name} must be (x, y) or (x, y, sample_weight). "
            f"Received: a tuple of {len(part)}"
        )
    if isinstance(part, Iterator):
        raise DataError(
            f"{name} is read more than once, an iterator only once; pass what it came "
            "from, or a function that returns a new one. "
            f"Received: {name}: {describe(part)}"
        )
    if data_module.is_dataset(part) and int(part.cardinality()) == _INFINITE:
        raise DataError(
            f"{name} must come to an end; leave out repeat(), or end it with take(). "
            f"Received: {name}: a tf.data.Dataset without end"
        )


def _first(part: Any, name: str) -> Batch:
    try:
        return data_module.first(part)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


def _check_lengths(batch: Batch, name: str) -> None:
    sizes = {
        key: [np.shape(leaf)[0] if np.ndim(leaf) else None for leaf in leaves(value)]
        for key, value in batch._asdict().items()
        if value is not None
    }
    every = {size for several in sizes.values() for size in several}
    if len(every) != 1 or None in every:
        raise DataError(
            f"Inputs and labels of {name} must hold the same number of samples. "
            f"Received: {name} with samples {sizes}"
        )
    if every == {0}:
        raise DataError(
            f"{name} must hold one sample at the least. Received: {name} of no sample"
        )


def _check_inputs(
    x: Any, inputs: list[ModelInput], words: Mapping[str, int], name: str
) -> None:
    for each, array in _pair(x, inputs, name):
        label = f"x of {name}" if len(inputs) == 1 else f"{each.name!r} of {name}"
        _check_dtype(array, each, label)
        shape = array.shape[1:]
        taken = each.shape[1:]
        fits = len(shape) == len(taken) and all(
            wanted in (None, given) for given, wanted in zip(shape, taken, strict=True)
        )
        if not fits:
            raise DataError(
                f"{label} must fit the model's input of shape {each.shape}"
                f"{_hint(array.shape, each.shape)}. "
                f"Received: {label} of shape {array.shape}"
            )
        data_module.check_finite(array, label)
        if each.name in words and array.size:
            _check_words(array, words[each.name], label)


def _pair(
    x: Any, inputs: list[ModelInput], name: str
) -> list[tuple[ModelInput, np.ndarray]]:
    """Returns each input of the model with the array for it."""
    known = [each.name for each in inputs]
    if isinstance(x, Mapping):
        strange = [str(key) for key in x if key not in known]
        missing = [key for key in known if key not in x]
        if strange or missing:
            near = nearest(strange[0], known) if strange else missing
            raise DataError(
                f"x of {name} must have the names of the model's inputs, {known}. "
                f"Received: {sorted(map(str, x))}; "
                f"{'nearest to ' + repr(strange[0]) if strange else 'missing'}: "
                f"{', '.join(near)}"
            )
        arrays = [x[key] for key in known]
    else:
        arrays = list(x) if isinstance(x, list | tuple) else [x]
    if len(arrays) != len(inputs):
        raise DataError(
            f"The model takes {len(inputs)} inputs, {known}; x must be a dict of "
            f"arrays by these names. Received: {len(arrays)} in x of {name}"
        )
    return list(zip(inputs, map(np.asarray, arrays), strict=True))


def _check_dtype(array: np.ndarray, taken: ModelInput, label: str) -> None:
    kind, wanted = array.dtype.kind, taken.dtype.kind
    if wanted == "O":
        fits = kind in "USO"
    elif wanted in "iu" and kind == "f":
        fits = bool((array == np.rint(array)).all()) or not np.isfinite(array).all()
    else:
        fits = kind in "biuf"
    if fits:
        return
    if kind in "US":
        advice = "numbers, not text; turn words into their numbers first"
    elif kind == "O":
        advice = "numbers; pad sequences of different lengths to one"
    elif kind == "f":
        advice = "whole numbers"
    else:
        advice = "text" if wanted == "O" else "numbers"
    raise DataError(
        f"{label} must hold {advice}: the model takes {taken.dtype}. "
        f"Received: {label} of dtype {array.dtype}"
    )


def _hint(given: tuple[int, ...], taken: tuple[int | None, ...]) -> str:
    if len(given) + 1 == len(taken):
        if all(w in (None, g) for g, w in zip(given, taken[1:], strict=True)):
            return "; the data comes sample by sample, call batch(32) on a Dataset"
        return "; add an axis at the end, x[..., None]" if taken[-1] == 1 else ""
    return ""


def _check_words(array: np.ndarray, words: int, label: str) -> None:
    low, high = array.min(), array.max()
    if low < 0 or high >= words:
        raise DataError(
            f"{label} must hold word numbers from 0 to {words - 1}, for the model's "
            f"Embedding knows {words}. Received: numbers from {low} to {high}"
        )


def _check_labels(model: Any, part: Any, name: str) -> Any:
    try:
        return find_task(model, part)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


def _check_samples(batch: Batch, part: Any, batch_size: int) -> None:
    samples = data_module.length(batch.x)
    if isinstance(part, tuple) and samples < batch_size:
        raise DataError(
            f"train must hold one batch at the least, of {batch_size} samples; bring "
            "more data, or make batches smaller: batch_size of Training, --batch-size "
            "of a command. "
            f"Received: train of {samples} samples"
        )


def _check_classes(model: Any, part: Any, outputs: tuple[OutputTask, ...]) -> None:
    """Raises an error where all labels of an output are of one class."""
    for labels, output in zip(read_labels(model, part), outputs, strict=True):
        if output.kind == "numbers" or (output.kind == "labels" and output.width > 1):
            continue
        one_hot = output.width > 1 and labels.shape[-1] == output.width
        numbers = labels.argmax(-1) if one_hot else labels
        if (numbers == numbers.flat[0]).all() and not _has_more(part):
            raise DataError(
                "train must hold samples of two classes at the least. "
                f"Received: {labels.shape[0]} samples, all of class "
                f"{int(numbers.flat[0])}"
            )


def _has_more(part: Any) -> bool:
    """Whether there are batches behind those whose labels were read."""
    if data_module.is_whole(part):
        return False
    behind = itertools.islice(data_module.batches(part), BATCHES_LOOKED_AT, None)
    return next(behind, None) is not None
