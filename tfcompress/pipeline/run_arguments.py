"""What a run is called with, beside models and data."""

import os
from typing import Any

import tensorflow as tf

from tfcompress.errors import ArgumentError


def check_run_arguments(directory: Any, strategy: Any, verbose: Any) -> None:
    """Raises an error for arguments of `Pipeline.run` that no run can be made with.

    Args:
        directory: Expected to be a path.
        strategy: Expected to be a `tf.distribute.Strategy`, or None.
        verbose: Expected to be 0 or 1.

    Raises:
        ArgumentError: Names the first that is something else.

    Example:
    ```python
    check_run_arguments("run", None, 1)
    ```
    """
    if not isinstance(directory, str | os.PathLike):
        raise ArgumentError(
            "directory must be the path of a folder for this run. "
            f"Received: directory={directory!r}"
        )
    if not isinstance(strategy, tf.distribute.Strategy | None):
        raise ArgumentError(
            "strategy must be a tf.distribute.Strategy, such as MirroredStrategy(), "
            f"or None. Received: strategy={strategy!r}"
        )
    check_verbose(verbose)


def check_verbose(verbose: Any) -> None:
    """Raises an error unless this is 0, for silence, or 1.

    Args:
        verbose: Of `Pipeline.run` or `compress`.

    Raises:
        ArgumentError: If it is something else.

    Example:
    ```python
    check_verbose(1)
    ```
    """
    if verbose not in (0, 1):
        raise ArgumentError(
            "verbose must be 1 for a line a stage, or 0 for silence. "
            f"Received: verbose={verbose!r}"
        )
