"""Sharing: the weights of a kernel share a few values."""

from tfcompress.sharing.centroids import INITIALIZATIONS, find_centroids
from tfcompress.sharing.weight_clustering import WeightClustering

__all__ = ["INITIALIZATIONS", "WeightClustering", "find_centroids"]
