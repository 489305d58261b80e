"""Several workers on one run: one writes, and all train."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

from tfcompress.errors import ProcessError

_FAILED = -1.0
_GONE = 14  # UNAVAILABLE, as of a worker whose process has ended.


class Workers:
    """The workers of a run, and which of them this process is.

    Workers of a `MultiWorkerMirroredStrategy` train together. The chief alone writes
    to the folder of the run, which all of them can read; the others take part in what
    trains, and wait for what does not.

    Args:
        strategy: The strategy of the run, or None.

    Attributes:
        is_chief: Whether this process is the one that writes.

    Example:
    ```python
    from tfcompress.pipeline.workers import Workers

    workers = Workers(None)
    assert workers.is_chief and workers.agree(True)
    ```
    """

    def __init__(self, strategy: Any) -> None:
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._strategy: Any = strategy if several else None
        self.is_chief = True
        if several:
            resolver = strategy.cluster_resolver
            cluster = resolver.cluster_spec().as_dict()
            first = ("chief" if cluster.get("chief") else "worker", 0)
            task = (resolver.task_type, resolver.task_id)
            self.is_chief = not cluster or task == first

    def agree(self, value: bool) -> bool:
        """Returns what the chief says, when all workers have asked.

        Args:
            value: What the chief says; that of other workers does not count.

        Returns:
            The chief's value.

        Raises:
            ProcessError: In the other workers, if the chief has failed meanwhile.
        """
        if self._strategy is None:
            return value
        said = self._collect(float(value) if self.is_chief else 0.0)
        if said == _FAILED:
            raise ProcessError(
                "The chief of the workers has failed; what it wrote says why. "
                "Received: a chief that does not go on"
            )
        return said > 0

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """Tells the other workers, which wait in `agree`, if the chief fails.

        Yields:
            Nothing: the block is what the chief alone does.

        Example:
        ```python
        from tfcompress.pipeline.workers import Workers

        with Workers(None).leading():
            ...
        ```
        """
        try:
            yield
        except Exception:
            if self._strategy is not None:
                self._collect(_FAILED)
            raise

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Ends what all workers train together where it fails in one of them.

        Yields:
            Nothing: the block is a training, whose steps wait for each other.

        Raises:
            ProcessError: In the workers in which it has not failed.

        Example:
        ```python
        from tfcompress.pipeline.workers import Workers

        with Workers(None).training():
            ...
        ```
        """
        try:
            yield
        except tf.errors.UnavailableError as error:
            if self._strategy is None:
                raise
            raise ProcessError(
                "Another worker has failed, and with it the training of all; what it "
                "wrote says why. Start all of them again: they go on where they were. "
                "Received: a training that does not go on"
            ) from error
        except Exception as error:
            if self._strategy is not None:
                # The one way to end the steps of the others, which wait for this one.
                said = f"{type(error).__name__} in another worker"
                context.context().abort_collective_ops(_GONE, said)
            raise

    def _collect(self, said: float) -> float:
        """Returns the sum of what all workers say, when all have said it."""
        votes = self._strategy.run(lambda: tf.constant(said))
        total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, votes, axis=None)
        return float(total.numpy())
