"""A model as plain data, and passes over it.

`Graph` and its parts know neither Keras nor TensorFlow. `tfcompress.keras_compat`
reads a model of either Keras into a graph and builds a model from one.
"""

from tfcompress.graph.graph import Graph, Layer, Node, Tensor, TensorSpec, Weight

__all__ = ["Graph", "Layer", "Node", "Tensor", "TensorSpec", "Weight"]
