"""Training data whose order depends on the seed, the stage and the epoch alone."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import data as data_module
from tfcompress.errors import DataError
from tfcompress.pipeline.fitting.fresh_dataset import fresh_dataset


class TrainingData:
    """The data of a training, epoch by epoch.

    Arrays come in an order that is drawn for each epoch, the batches of a `PyDataset`
    as well. A `tf.data.Dataset` draws as if it had never been read before, from its own
    seeds or from this one, and a training that goes on finds it where it was: one whose
    functions draw at random is read again up to there. Functions bring an order of
    their own, and so do what `fresh_dataset` does not know: a `tf.random.Generator`, a
    Keras layer in `map`, and what a `cache` keeps of a shuffling before it.

    Args:
        data: Inputs and labels, in a form that `tfcompress.data.batches` accepts.
        batch_size: Samples in a step, where the data is arrays.
        seed: What the order is drawn from.

    Attributes:
        steps: Steps of an epoch.
        error: What was wrong with the data while it was read; TensorFlow raises an
            error of its own then.

    Raises:
        DataError: If the data is of no such form, has no end or no labels.

    Example:
    ```python
    from tfcompress.pipeline.fitting.training_data import TrainingData

    data = TrainingData((x, y), batch_size=32, seed=3)
    model.fit(data.dataset(0, 5), epochs=5, steps_per_epoch=data.steps)
    ```
    """

    def __init__(self, data: Any, *, batch_size: int, seed: int):
        self._data = data
        self._batch_size = batch_size
        self._seed = seed
        self.error: DataError | None = None
        if isinstance(data, tuple):
            self._arrays = _as_batch_arrays(data)
            self._samples = data_module.length(list(self._arrays))
            self.steps = -(-self._samples // batch_size)
        elif data_module.is_dataset(data):
            self.steps = _count(data)
        elif _is_indexed(data):
            self.steps = len(data)
        else:
            self.steps = sum(1 for _ in data_module.batches(data))

    def dataset(self, start: int, epochs: int) -> Any:
        """Returns the batches of all epochs from one on, one after the other.

        Args:
            start: Number of epochs that are done.
            epochs: Number of epochs in the end.

        Returns:
            A `tf.data.Dataset`, to be given to `fit` with `steps_per_epoch`.
        """
        epochs = max(epochs, start + 1)
        if isinstance(self._data, tuple):
            return self._of_arrays(start, epochs)
        if data_module.is_dataset(self._data):
            return self._of_dataset(start, epochs)
        return self._of_batches(start, epochs)

    def in_order(self) -> Any:
        """Returns the batches once, in the order that they have."""
        if isinstance(self._data, tuple):
            rows = tf.data.Dataset.from_tensor_slices(self._arrays)
            return rows.batch(self._batch_size)
        if data_module.is_dataset(self._data):
            return self._data.apply(tf.data.experimental.assert_cardinality(self.steps))
        first = next(data_module.batches(self._data))
        elements = tf.nest.map_structure(_signature, _parts(first))

        def generate() -> Iterator[Any]:
            for batch in data_module.batches(self._data):
                yield tf.nest.map_structure(np.asarray, _parts(batch))

        found = tf.data.Dataset.from_generator(generate, output_signature=elements)
        return found.apply(tf.data.experimental.assert_cardinality(self.steps))

    def _of_arrays(self, start: int, epochs: int) -> Any:
        tensors = tf.nest.map_structure(tf.convert_to_tensor, self._arrays)
        samples, low, high = self._samples, *_two_words(self._seed)

        def batches_of(epoch: Any) -> Any:
            seed = tf.stack([low, high ^ tf.cast(epoch, tf.int32)])
            order = tf.random.experimental.stateless_shuffle(
                tf.range(samples, dtype=tf.int64), seed
            )
            return tf.data.Dataset.from_tensor_slices(order).batch(self._batch_size)

        def rows(order: Any) -> Any:
            return tf.nest.map_structure(lambda a: tf.gather(a, order), tensors)

        orders = tf.data.Dataset.range(start, epochs).flat_map(batches_of)
        found = orders.map(rows, num_parallel_calls=tf.data.AUTOTUNE)
        return self._finish(found, start, epochs)

    def _of_dataset(self, start: int, epochs: int) -> Any:
        data, draws = fresh_dataset(self._data, self._seed)
        read_again = start if draws else 0
        for _ in range(start - read_again):
            iter(data)  # draws the seeds of an epoch
        repeated = tf.data.Dataset.range(start - read_again, epochs).flat_map(
            lambda _: data.take(self.steps)
        )
        rest = repeated.skip(read_again * self.steps)
        return self._finish(rest, start, epochs)

    def _of_batches(self, start: int, epochs: int) -> Any:
        first = next(data_module.batches(self._data))
        elements = tf.nest.map_structure(_signature, _parts(first))

        def generate() -> Iterator[Any]:
            for epoch in range(epochs):
                wanted = epoch >= start
                for batch in self._epoch(epoch) if wanted else ():
                    yield tf.nest.map_structure(np.asarray, _parts(batch))
                ended = getattr(self._data, "on_epoch_end", None)
                if ended is not None:
                    ended()

        found = tf.data.Dataset.from_generator(generate, output_signature=elements)
        return self._finish(found, start, epochs)

    def _epoch(self, epoch: int) -> Iterator[data_module.Batch]:
        """Yields the batches of one epoch."""
        if _is_indexed(self._data):
            low, high = _two_words(self._seed)
            order = np.random.default_rng([low, high, epoch]).permutation(self.steps)

            def chosen() -> Iterator[Any]:
                return (self._data[int(i)] for i in order)

            yield from data_module.batches(chosen)
            return
        count = 0
        for batch in data_module.batches(self._data):
            count += 1
            if count <= self.steps:
                yield batch
        if count < self.steps:
            self.error = DataError(
                "The data must give the same number of batches each time it is read. "
                f"Received: {count} batches, {self.steps} before"
            )
            raise self.error

    def _finish(self, found: Any, start: int, epochs: int) -> Any:
        count = self.steps * (epochs - start)
        found = found.apply(tf.data.experimental.assert_cardinality(count))
        options = tf.data.Options()
        # Arrays and functions are no files, of which each worker could take some.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.DATA
        )
        return found.prefetch(tf.data.AUTOTUNE).with_options(options)


def seed_of(*parts: Any) -> int:
    """Returns a whole number that is drawn from some plain values.

    Args:
        parts: Numbers and strings, such as a seed, the name of a stage and an epoch.

    Returns:
        A number from 0 up to, not including, 2**62: the same in each process.

    Example:
    ```python
    from tfcompress.pipeline.fitting.training_data import seed_of

    assert seed_of(0, "quantize", 1) == seed_of(0, "quantize", 1)
    ```
    """
    words = "\n".join(map(repr, parts)).encode()
    return int.from_bytes(hashlib.sha256(words).digest()[:8], "big") >> 2


def _two_words(seed: int) -> tuple[int, int]:
    return seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF


def _as_batch_arrays(data: tuple[Any, ...]) -> tuple[Any, ...]:
    batch = next(data_module.batches(data, batch_size=2**62))
    return _parts(batch)


def _parts(batch: data_module.Batch) -> tuple[Any, ...]:
    """Returns inputs, labels and sample weights, as far as there are any."""
    x, y, weight = (_as_tensors(part) for part in batch)
    return (x, y) if weight is None else (x, y, weight)


def _as_tensors(part: Any) -> Any:
    """Returns arrays as Keras takes them; lists as tuples, which are not stacked."""
    if isinstance(part, dict):
        return {key: _as_tensors(one) for key, one in part.items()}
    if isinstance(part, list):
        return tuple(_as_tensors(one) for one in part)
    if part is None or part.dtype != np.float64:
        return part
    return part.astype(np.float32)


def _signature(array: Any) -> Any:
    array = np.asarray(array)
    return tf.TensorSpec((None, *array.shape[1:]), tf.as_dtype(array.dtype))


def _is_indexed(data: Any) -> bool:
    """Whether this is a `PyDataset` or the like, whose batches have numbers."""
    return hasattr(data, "__len__") and hasattr(data, "__getitem__")


def _count(dataset: Any) -> int:
    found = int(dataset.cardinality())
    if found == tf.data.INFINITE_CARDINALITY:
        raise DataError(
            "The data must have an end: give it without repeat(). "
            f"Received: {data_module.describe(dataset)}"
        )
    if found == tf.data.UNKNOWN_CARDINALITY:
        found = sum(1 for _ in dataset)
    if not found:
        raise DataError(
            "The data is empty: expected one batch at least. "
            f"Received: {data_module.describe(dataset)}"
        )
    return found
