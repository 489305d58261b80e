"""Finds inputs whose columns are too different to share one scale."""

from collections.abc import Mapping

import numpy as np

# A column with this share of the widest keeps 16 of its 256 steps.
_WIDEST_SHARE = 16.0


def describe_uneven(samples: Mapping[str, np.ndarray]) -> str | None:
    """Says which input has columns of very different ranges, and what to do.

    A file of whole numbers has one scale for all columns of an input. Where one column
    goes from 0 to 1 and another to 1,000, the first has no step left.

    Args:
        samples: Inputs by name, each of shape `(samples, ..., columns)`.

    Returns:
        Some sentences on the first such input, or None where there is none.

    Example:
    ```python
    import numpy as np
    from tfcompress.export.verification.uneven_inputs import describe_uneven

    print(describe_uneven({"table": np.array([[0.0, 0.0], [1.0, 1000.0]])}))
    ```
    """
    for name, array in samples.items():
        if array.ndim < 2 or not np.issubdtype(array.dtype, np.floating):
            continue
        columns = array.reshape(-1, array.shape[-1])
        ranges = np.ptp(columns.astype(np.float64), axis=0)
        ranges = ranges[ranges > 0]
        if ranges.size and ranges.max() > _WIDEST_SHARE * ranges.min():
            return (
                f"The columns of input {name!r} have very different ranges, from "
                f"{ranges.min():.3g} to {ranges.max():.3g} wide, and one scale of "
                "whole numbers serves them all, so the narrow ones are lost. Bring "
                "them to like ranges before the model, and not in a layer of it; or "
                "write a file that computes in float: target 'cpu_float16', or a "
                "scheme such as 'dynamic_range'."
            )
    return None
