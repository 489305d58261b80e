"""What the whole-number kernels of TFLite ask of the ranges around each operation."""

import dataclasses
from typing import Any, Literal

from tfcompress.graph import Graph, Layer, Node

Role = Literal["own", "same", "blended", "fixed", "float"]

_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
)
_SUMS = ("Add", "Subtract", "Multiply", "ops.add", "ops.subtract", "ops.multiply")
_FUSING = {
    *(kind for kind in _CONVOLUTIONS if not kind.endswith("Transpose")),
    "Dense",
    *_SUMS,
}
_NORMALIZED = {*_CONVOLUTIONS, "Dense"}

_OWN = {
    *_CONVOLUTIONS,
    *_SUMS,
    "Dense",
    "EinsumDense",
    "Embedding",
    "InputLayer",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "LayerScale",
    "Rescaling",
    "ops.exp",
    "ops.log",
    "ops.sqrt",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "Dot",
    "ops.matmul",
    "ops.dot",
    "ops.mean",
    "ops.sum",
    "ops.abs",
    "ops.negative",
    "ops.square",
    "ops.relu",
    "ops.relu6",
    "ops.leaky_relu",
    "ops.gelu",
    "ops.silu",
    "ops.divide",
    "ops.true_divide",
    "ops.squared_difference",
    "tf.__operators__.add",
    "tf.math.add",
    "tf.math.subtract",
    "tf.math.multiply",
    "tf.math.reduce_mean",
    "tf.math.reduce_sum",
    "tf.linalg.matmul",
    "tf.nn.relu",
    "tf.nn.relu6",
    "tf.nn.gelu",
    "tf.nn.silu",
    "tf.nn.leaky_relu",
}
_SAME = {
    "ActivityRegularization",
    "AlphaDropout",
    "AutoContrast",
    "CenterCrop",
    "Concatenate",
    "Cropping1D",
    "Cropping2D",
    "Dropout",
    "DropPath",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Identity",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StochasticDepth",
    "UpSampling1D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ops.amax",
    "ops.amin",
    "ops.broadcast_to",
    "ops.concatenate",
    "ops.copy",
    "ops.expand_dims",
    "ops.flip",
    "ops.get_item",
    "ops.max",
    "ops.maximum",
    "ops.min",
    "ops.minimum",
    "ops.moveaxis",
    "ops.pad",
    "ops.ravel",
    "ops.repeat",
    "ops.reshape",
    "ops.slice",
    "ops.split",
    "ops.squeeze",
    "ops.stack",
    "ops.stop_gradient",
    "ops.swapaxes",
    "ops.take",
    "ops.tile",
    "ops.transpose",
    "ops.unstack",
    "tf.__operators__.getitem",
    "tf.concat",
    "tf.expand_dims",
    "tf.gather",
    "tf.identity",
    "tf.math.maximum",
    "tf.math.minimum",
    "tf.math.reduce_max",
    "tf.math.reduce_min",
    "tf.pad",
    "tf.reshape",
    "tf.reverse",
    "tf.slice",
    "tf.split",
    "tf.squeeze",
    "tf.stack",
    "tf.stop_gradient",
    "tf.strided_slice",
    "tf.tile",
    "tf.transpose",
}
AVERAGING = ("AveragePooling1D", "AveragePooling2D")
_BLENDED = {*AVERAGING, "ops.where"}
# The ends that the kernels of TFLite have behind these, whatever goes in.
_FIXED = {
    "sigmoid": (0.0, 255 / 256),
    "softmax": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
    "log_softmax": (-255 / 16, 0.0),
}
_WHOLE_ACTIVATIONS = {
    "relu",
    "relu6",
    "leaky_relu",
    "silu",
    "swish",
    "gelu",
    "hard_silu",
    "hard_swish",
    "exponential",
    "hard_tanh",
}

_NO_KERNEL = "TFLite has no whole-number kernel for it"
_PRECISION = (
    "8 bits are too few for its variance, and its parts would stay float in the file"
)
_FLOAT = {
    "LayerNormalization": _PRECISION,
    "RMSNormalization": _PRECISION,
    "GroupNormalization": _PRECISION,
    "UnitNormalization": _PRECISION,
    "BatchNormalization": "it stands where it cannot be folded into a layer before it",
    "Conv3D": _NO_KERNEL,
    "Conv3DTranspose": _NO_KERNEL,
    "AveragePooling3D": _NO_KERNEL,
    "MaxPooling3D": _NO_KERNEL,
    "GlobalAveragePooling3D": _NO_KERNEL,
    "GlobalMaxPooling3D": _NO_KERNEL,
    "ELU": _NO_KERNEL,
    **dict.fromkeys(
        ("RNN", "LSTM", "GRU", "SimpleRNN", "Bidirectional", "ConvLSTM2D"),
        "its kernels are rounded; its steps are a loop, which the file runs in float",
    ),
}


@dataclasses.dataclass(frozen=True)
class Place:
    """What is known of the values that one call gives.

    Attributes:
        role: `"own"`: a range of its own. `"same"`: hands values on, and has the range
            of what it takes. `"blended"`: computes new values within that range, and
            rounds them. `"fixed"`: the range that TFLite demands. `"float"`: computes
            in float, with a range behind it.
        ends: The ends of a fixed range.
        reason: Why the call is not on whole numbers, for `"float"`.
    """

    role: Role
    ends: tuple[float, float] | None = None
    reason: str | None = None


def place_of(layer: Layer) -> Place:
    """Returns what TFLite asks of the range behind a layer."""
    kind = layer.kind
    activation = activation_of(layer)
    if activation == "linear":
        return Place("same")
    if activation in _FIXED:
        return Place("fixed", _FIXED[activation])
    if activation is not None:
        if activation in _WHOLE_ACTIVATIONS:
            return Place("own")
        return Place("float", reason=f"{_NO_KERNEL}: the activation {activation}")
    if kind in ("UpSampling2D", "Resizing"):
        nearest = layer.config.get("interpolation") == "nearest"
        return Place("same" if nearest else "blended")
    if kind in _SAME or kind.startswith("Random"):
        return Place("same")
    if kind in _BLENDED:
        return Place("blended")
    if kind in _OWN:
        return Place("own")
    unknown = "it is not known whether TFLite has a whole-number kernel for it"
    return Place("float", reason=_FLOAT.get(kind, unknown))


def activation_of(layer: Layer) -> str | None:
    """Returns the name of the activation that a layer is, or None for other layers."""
    if layer.kind == "Activation":
        activation: Any = layer.config.get("activation")
        return activation if isinstance(activation, str) else "of your own"
    name = layer.kind.rsplit(".", 1)[-1]
    if layer.kind == "Softmax" or (layer.kind != name and name in _FIXED):
        return name.lower()
    return None


def is_fused(graph: Graph, node: Node) -> bool:
    """Returns whether what a call gives is never there by itself in the file.

    That is a layer before the batch normalization that is folded into it, and one
    before the ReLU that its kernel computes as well.
    """
    consumers = graph.consumers(node)
    if len(consumers) != 1 or graph.is_output(node):
        return False
    after = graph.layer_of(consumers[0])
    kind = graph.layer_of(node).kind
    if after.kind == "BatchNormalization":
        return kind in _NORMALIZED
    if not _is_relu(after):
        return False
    if kind == "BatchNormalization":
        before = graph.layer_of(node.inputs()[0].node)
        return before.kind in _FUSING
    return kind in _FUSING


def _is_relu(layer: Layer) -> bool:
    if layer.kind == "ReLU":
        plain = not layer.config.get("negative_slope") and not layer.config.get(
            "threshold"
        )
        return plain and layer.config.get("max_value") in (None, 6, 6.0)
    relus = ("ops.relu", "ops.relu6", "tf.nn.relu", "tf.nn.relu6")
    return activation_of(layer) in ("relu", "relu6") or layer.kind in relus
