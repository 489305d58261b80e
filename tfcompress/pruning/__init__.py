"""Pruning: weights become zero; channels, heads and blocks of layers go for good."""

from tfcompress.pruning.batch_norm import recalibrate_batch_norm
from tfcompress.pruning.channel import ChannelPruning
from tfcompress.pruning.constant_folding import fold_constant_channels
from tfcompress.pruning.head import HeadPruning
from tfcompress.pruning.layer import LayerPruning
from tfcompress.pruning.magnitude import MagnitudePruning
from tfcompress.pruning.threshold import ThresholdPruning

__all__ = [
    "ChannelPruning",
    "HeadPruning",
    "LayerPruning",
    "MagnitudePruning",
    "ThresholdPruning",
    "fold_constant_channels",
    "recalibrate_batch_norm",
]
