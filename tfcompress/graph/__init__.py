"""A model as plain data, and passes over it.

`Graph` and its parts know neither Keras nor TensorFlow. `tfcompress.keras_compat`
reads a model of either Keras into a graph and builds a model from one.
"""

from tfcompress.graph.activation_lowering import lower_activations
from tfcompress.graph.attention import attention_obstacle, lower_attention
from tfcompress.graph.blocks import Block, find_blocks, remove_blocks
from tfcompress.graph.bounded_activations import replace_relu6
from tfcompress.graph.casting import cast_to_float32
from tfcompress.graph.channel_group import ChannelGroup, ChannelSlice
from tfcompress.graph.channel_pairs import ChannelPair, find_pairs
from tfcompress.graph.channels import find_groups
from tfcompress.graph.constant_channels import fold_constant_channels
from tfcompress.graph.cutting import cut
from tfcompress.graph.editing import insert_after, remove_node, replace_layer
from tfcompress.graph.equalization import absorb_biases, equalize_channels
from tfcompress.graph.even_padding import pad_evenly
from tfcompress.graph.flattening import flatten_models
from tfcompress.graph.folding import fold_batch_normalization
from tfcompress.graph.fused_activations import fuse_activations, split_activations
from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec, Weight
from tfcompress.graph.inference import drop_training_layers
from tfcompress.graph.merge_lowering import lower_merges
from tfcompress.graph.naming import canonical_names
from tfcompress.graph.normalization_lowering import lower_normalizations
from tfcompress.graph.renaming import rename_layers
from tfcompress.graph.separable import split_separable_convolutions
from tfcompress.graph.shrinking import remove_channels
from tfcompress.graph.tapping import tap

__all__ = [
    "Block",
    "ChannelGroup",
    "ChannelPair",
    "ChannelSlice",
    "Graph",
    "Layer",
    "Node",
    "Tensor",
    "TensorSpec",
    "Weight",
    "absorb_biases",
    "attention_obstacle",
    "canonical_names",
    "cast_to_float32",
    "cut",
    "drop_training_layers",
    "equalize_channels",
    "find_blocks",
    "find_groups",
    "find_pairs",
    "flatten_models",
    "fold_batch_normalization",
    "fold_constant_channels",
    "fuse_activations",
    "insert_after",
    "lower_activations",
    "lower_attention",
    "lower_merges",
    "lower_normalizations",
    "pad_evenly",
    "remove_blocks",
    "remove_channels",
    "remove_node",
    "rename_layers",
    "replace_layer",
    "replace_relu6",
    "split_activations",
    "split_separable_convolutions",
    "tap",
]
