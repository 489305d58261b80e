"""Several workers on one run: one writes, and all train."""

from typing import Any

import tensorflow as tf


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
    workers = Workers(None)
    assert workers.is_chief and workers.agree(True)
    ```
    """

    def __init__(self, strategy: Any) -> None:
        several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._strategy = strategy if several else None
        self.is_chief = True
        if several:
            resolver = strategy.cluster_resolver
            has_chief = bool(resolver.cluster_spec().as_dict().get("chief"))
            role = "chief" if has_chief else "worker"
            self.is_chief = (resolver.task_type, resolver.task_id) == (role, 0)

    def agree(self, value: bool) -> bool:
        """Returns what the chief says, when all workers have asked.

        Args:
            value: What the chief says; that of other workers does not count.
        """
        if self._strategy is None:
            return value
        said = float(value and self.is_chief)
        votes = self._strategy.run(lambda: tf.constant(said))
        total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, votes, axis=None)
        return bool(total.numpy() > 0)
