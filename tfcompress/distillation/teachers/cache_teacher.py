"""Runs a teacher once over data, and stores what it says."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress.distillation.teachers.as_teacher import as_teacher
from tfcompress.distillation.teachers.cached_teacher import CachedTeacher, check_made_by
from tfcompress.distillation.teachers.fingerprint import fingerprint
from tfcompress.distillation.teachers.shard_writer import ShardWriter
from tfcompress.distillation.teachers.teacher import Targets, Teacher
from tfcompress.distillation.teachers.teacher_cache import (
    TeacherCache,
    holds_cache,
    records_of,
)
from tfcompress.errors import ArgumentError, DataError, ModelError, OutputError

_DTYPES = ("float16", "float32")
# Batches read twice, to see whether data is augmented at random.
_BATCHES_READ_TWICE = 4


def cache_teacher(
    teacher: Any,
    dataset: Any,
    directory: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    top_k: int | None = None,
    layers: Sequence[str] = (),
    batch_size: int = 256,
    shard_samples: int = 4096,
    progress: Callable[[int], Any] | None = None,
) -> CachedTeacher:
    """Runs a teacher over data and stores its logits, to train from them later.

    Samples are stored by a fingerprint of their inputs, each once, so that a
    `Distiller` finds them whatever the order and the batches. With `dtype="float32"`
    training equals that from the live teacher; with float16 it does within rounding.

    What is stored is written in shards. After a kill the same call goes on where they
    end: it reads the data once to see that it is the same, runs one batch of it to see
    that the teacher is, and then runs those samples that are not stored. A call with
    more data, of which all that is stored is a part, adds the rest. One process at a
    time may write into a folder; any number may read from it.

    Data that is augmented at random is refused, for its samples never come again: cache
    before augmentation, or augment with a seed that is stored with the sample, such as
    by `tf.image.stateless_random_crop`. To see whether it is, its first batches are
    read twice, and all of it where they differ. Keeping top logits
    follows Shen and Xing, "A Fast Knowledge Distillation Framework for Visual
    Recognition", 2021, https://arxiv.org/abs/2112.01528, who keep probabilities.

    Args:
        teacher: A teacher, or what `Distiller` takes for one.
        dataset: The data to train on, in a form that `tfcompress.data.batches` takes.
            Only inputs are used.
        directory: A folder that is new or empty, or holds this cache already.
        dtype: Of the numbers stored: `"float16"`, the default, or `"float32"`.
        top_k: How many of the logits of each row to store; the rest is stored as its
            log-sum-exp, and read as spread evenly. Of outputs with no more classes all
            are stored. Defaults to all logits of all outputs.
        layers: Names of the teacher's layers whose outputs are stored too.
        batch_size: Samples to run at once, where `dataset` holds whole arrays.
        shard_samples: Samples in a shard; so many are lost by a kill at the most.
        progress: Called after each batch with the number of samples done.

    Returns:
        A `CachedTeacher` with the live teacher for samples that are not stored.

    Raises:
        ArgumentError: If a number is out of range, or float16 too narrow.
        ModelError: If the teacher has no such layers, gives numbers that are not
            finite, or is not the one that the folder was begun with.
        DataError: If the data is empty or without end, does not come again, or is not
            what the folder was begun with.
        OutputError: If the folder holds something else, was begun with other settings,
            is damaged, or cannot be written.

    Example:
    ```python
    cached = tfc.distillation.cache_teacher(teacher, (x, y), "cache")
    distiller = tfc.Distiller(cached, student, tfc.distillation.LogitsDistillation())
    ```
    """
    _check_arguments(dtype, top_k, batch_size, shard_samples)
    live, folder = as_teacher(teacher), Path(directory)
    if layers:
        live.layer_shapes(layers)
    names = sorted(set(layers))
    settings = {"dtype": dtype, "top_k": top_k, "layers": names}
    run = _runner(live, names)
    cache = None
    if holds_cache(folder):
        cache = TeacherCache(folder)
        _check_settings(cache, settings)
        check_made_by(live, cache.manifest["teacher"], folder)

    def read() -> Iterator[Any]:
        return _inputs(dataset, batch_size)

    _check_comes_again(dataset, read)
    if cache is not None:
        _check_same_data(cache, read, run)
    batches = read()
    first = next(batches)
    if cache is None:
        said = run(first)
        manifest = {**settings, **_describe(live, said)}
        records = records_of(manifest).encode(_tensors(said))
        cache = TeacherCache.create(folder, manifest)
        writer = ShardWriter(cache, shard_samples)
        writer.add(fingerprint(first).numpy(), records)
    else:
        writer = ShardWriter(cache, shard_samples)
    done = 0
    for x in itertools.chain([first], batches):
        ids = fingerprint(x).numpy()
        if not writer.has(ids):
            writer.add(ids, _records(cache, run(x)))
        done += len(ids)
        if progress is not None:
            progress(done)
    writer.flush()
    cache.finish()
    return CachedTeacher(directory, teacher=live)


def _check_arguments(
    dtype: str, top_k: int | None, batch_size: int, shard_samples: int
) -> None:
    if dtype not in _DTYPES:
        raise ArgumentError(
            f"dtype must be one of {_DTYPES}. Received: dtype={dtype!r}"
        )
    numbers = {"batch_size": batch_size, "shard_samples": shard_samples}
    if top_k is not None:
        numbers["top_k"] = top_k
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ArgumentError(
                f"{name} must be a whole number of 1 or more. "
                f"Received: {name}={number!r}"
            )


def _inputs(dataset: Any, batch_size: int) -> Iterator[Any]:
    """Yields the inputs of each batch as tensors, as `fit` gives them."""
    for batch in data_module.batches(dataset, batch_size=batch_size):
        yield tf.nest.map_structure(_tensor, batch.x)


def _tensor(array: Any) -> Any:
    tensor = tf.convert_to_tensor(array)
    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.float64 else tensor


def _runner(teacher: Teacher, layers: Sequence[str]) -> Callable[[Any], Targets]:
    """Returns a function that runs the teacher in a graph, as a training step does."""
    targets = tf.function(lambda x: teacher.targets(x, layers), reduce_retracing=True)

    def run(x: Any) -> Targets:
        return tf.nest.map_structure(
            lambda tensor: tf.cast(tensor, tf.float32).numpy(), targets(x)
        )

    return run


def _tensors(said: Targets) -> list[Any]:
    return tf.nest.flatten(said.outputs) + tf.nest.flatten(said.features)


def _describe(teacher: Teacher, said: Targets) -> dict[str, Any]:
    """Returns what the manifest tells of a teacher and its tensors."""
    count = len(tf.nest.flatten(said.outputs))
    several = [k for k, v in said.features.items() if not isinstance(v, np.ndarray)]
    if several:
        raise ModelError(
            "Layers that are cached must have one output each. "
            f"Received: layers {several}, that have several"
        )
    names = sorted(said.features)
    return {
        "teacher": teacher.hash(),
        "gives_probabilities": teacher.gives_probabilities,
        "shapes": [tensor.shape[1:] for tensor in _tensors(said)],
        "logits": count,
        "structure": {
            "outputs": tf.nest.pack_sequence_as(said.outputs, list(range(count))),
            "features": {name: count + i for i, name in enumerate(names)},
        },
    }


def _records(cache: TeacherCache, said: Targets) -> Any:
    tensors = _tensors(said)
    found = [tensor.shape[1:] for tensor in tensors]
    if found != cache.records.shapes:
        raise DataError(
            "A teacher is cached where what it gives of a sample has one shape in all "
            "batches; pad all samples to one length. Received: shapes "
            f"{found}, after {cache.records.shapes}"
        )
    return cache.records.encode(tensors)


def _check_settings(cache: TeacherCache, settings: dict[str, Any]) -> None:
    begun = {name: cache.manifest[name] for name in settings}
    if begun != settings:
        raise OutputError(
            "The folder holds a cached teacher of other settings; give those, or "
            f"another folder. Received: {settings}, {cache.directory} begun with "
            f"{begun}"
        )


def _check_comes_again(dataset: Any, read: Callable[[], Iterator[Any]]) -> None:
    """Raises an error if the data has no end, or no sample in it comes again."""
    if data_module.is_dataset(dataset) and (
        dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    ):
        raise DataError(
            "The data must have an end: cache the teacher on it without repeat(). "
            f"Received: {data_module.describe(dataset)}"
        )
    first, second = (
        _fingerprints(itertools.islice(read(), _BATCHES_READ_TWICE)) for _ in range(2)
    )
    if np.array_equal(first, second):
        return
    first, second = _fingerprints(read()), _fingerprints(read())
    missing = ~np.isin(first, second)
    if missing.any():
        raise DataError(
            "A teacher is cached on samples that come again, but these differ each "
            "time the data is read. Cache it before the data is augmented at random, "
            "or augment each sample with a seed that is stored with it, such as by "
            "tf.image.stateless_random_crop; after shuffle() leave out drop_remainder. "
            f"Received: {int(missing.sum())} of {len(first)} samples that did not come "
            "a second time"
        )


def _check_same_data(
    cache: TeacherCache,
    read: Callable[[], Iterator[Any]],
    run: Callable[[Any], Targets],
) -> None:
    """Raises an error unless all that is stored is in the data, and is said again."""
    seen, checked = [], False
    for x in read():
        ids = fingerprint(x).numpy()
        seen.append(ids)
        places = cache.find(ids)
        stored = places >= 0
        if stored.any() and not checked:
            checked = True
            again = _records(cache, run(x))[stored]
            if not cache.records.agree(again, cache.rows(places[stored])):
                raise ModelError(
                    "This teacher is not the one that was cached: it gives something "
                    "else. Give that one, or cache this one into another folder. "
                    f"Received: a teacher that differs from {cache.directory}"
                )
    missing = ~np.isin(cache.ids, np.concatenate(seen))
    if missing.any():
        raise DataError(
            "The folder holds a teacher cached on other data; give that data, or "
            f"another folder. Received: data without {int(missing.sum())} of the "
            f"{len(cache)} samples in {cache.directory}"
        )


def _fingerprints(batches: Iterator[Any]) -> Any:
    return np.concatenate([fingerprint(x).numpy() for x in batches])
