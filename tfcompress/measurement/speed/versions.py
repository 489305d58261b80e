"""Versions of the packages that take part."""

import importlib.metadata
from collections.abc import Iterable


def versions(names: Iterable[str]) -> dict[str, str]:
    """Returns the versions of packages, by name.

    Args:
        names: Names of distributions, as on PyPI. Those that are not installed under
            this name, as TensorFlow is not where `tensorflow-cpu` is, are left out.

    Returns:
        The versions, in the order of the names.

    Example:
    ```python
    from tfcompress.measurement.speed.versions import versions

    print(versions(["tensorflow", "ai-edge-litert"]))
    ```
    """
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
