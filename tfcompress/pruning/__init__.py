"""Pruning: weights that matter little become zero."""

from tfcompress.pruning.magnitude import MagnitudePruning

__all__ = ["MagnitudePruning"]
