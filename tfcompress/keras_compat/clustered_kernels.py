"""What counts as a kernel of few values."""

import numpy as np

MOST_CLUSTERS = 256
# With fewer, indices and table take as much room as the weights.
WEIGHTS_OF_A_CLUSTER = 4


def most_clusters(weights: int) -> int:
    """Returns how many values so many weights can share."""
    return min(MOST_CLUSTERS, weights // WEIGHTS_OF_A_CLUSTER)


def is_clustered(kernel: np.ndarray) -> bool:
    """Returns whether a kernel has few values beside zero, each of several weights."""
    weights = kernel[kernel != 0]
    return 2 <= np.unique(weights).size <= most_clusters(weights.size)
