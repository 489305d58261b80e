"""How layers with weights make channels, hand them on and take them in."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcompress.graph.channel_labels import FIXED
from tfcompress.graph.channel_trace import ChannelCall, Rule

# Activations that treat each number alone. "softmax" and the like do not.
ELEMENTWISE_ACTIVATIONS = frozenset(
    [
        "celu",
        "elu",
        "exp",
        "exponential",
        "gelu",
        "hard_shrink",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "log_sigmoid",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "soft_shrink",
        "softplus",
        "softsign",
        "sparse_plus",
        "squareplus",
        "swish",
        "tanh",
        "tanh_shrink",
        "threshold",
    ]
)


def _check_activation(call: ChannelCall, ids: np.ndarray) -> None:
    """Freezes channels whose activation looks at all of them."""
    name = call.config.get("activation") or "linear"
    if not isinstance(name, str) or name not in ELEMENTWISE_ACTIVATIONS:
        call.freeze_ids([ids], f"has the activation {name!r}")


def _input_layer(call: ChannelCall) -> None:
    call.fix_all()


def _dense(call: ChannelCall) -> None:
    call.weights(call.last(call.inputs[0]), "consumer", {"kernel": 0})
    made = call.new(call.config["units"])
    call.weights(made, "producer", {"kernel": 1, "bias": 0})
    _check_activation(call, made)
    call.set(made)


def _einsum_dense(call: ChannelCall) -> None:
    """Follows an equation that is that of Dense, such as `"abc,cd->abd"`."""
    equation = call.config["equation"].replace(" ", "")
    given, result = equation.split("->")
    given, kernel = given.split(",")
    one, other = kernel[0], kernel[-1]
    dense = len(kernel) == 2 and given[-1] == one and result == given[:-1] + other
    if not dense or other in given or call.config.get("bias_axes") not in (None, other):
        raise call.unfit(f"has the equation {equation!r}")
    call.weights(call.last(call.inputs[0]), "consumer", {"kernel": 0})
    shape = call.shape(call.outputs[0])
    made = call.new(shape[-1] or 0)
    call.weights(made, "producer", {"kernel": 1, "bias": 0})
    _check_activation(call, made)
    call.set(made)


def _convolution(call: ChannelCall) -> None:
    ids = call.last(call.inputs[0])
    groups = call.config.get("groups", 1)
    filters = call.config["filters"]
    if groups == len(ids) and groups > 1:  # Depthwise, under another name.
        made = np.repeat(ids, filters // groups)
        call.weights(made, "carrier", {"kernel": -1, "bias": 0})
    else:
        made = call.new(filters)
        if groups > 1:
            ids = _same_in_groups(call, ids, groups)
            _same_in_groups(call, made, groups)
        call.weights(ids, "consumer", {"kernel": -2})
        call.weights(made, "producer", {"kernel": -1, "bias": 0})
    _check_activation(call, made)
    call.set(made)


def _same_in_groups(call: ChannelCall, ids: np.ndarray, groups: int) -> np.ndarray:
    """Joins the channels at the same place of every group; returns the first group."""
    first, *others = ids.reshape(groups, -1)
    for other in others:
        call.join(first, other)
    return first


def _transposed_convolution(call: ChannelCall) -> None:
    call.weights(call.last(call.inputs[0]), "consumer", {"kernel": -1})
    made = call.new(call.config["filters"])
    call.weights(made, "producer", {"kernel": -2, "bias": 0})
    _check_activation(call, made)
    call.set(made)


def _depthwise_convolution(call: ChannelCall) -> None:
    ids = call.last(call.inputs[0])
    call.weights(ids, "carrier", {"kernel": -2})
    made = np.repeat(ids, call.config["depth_multiplier"])
    call.weights(made, "carrier", {"bias": 0})
    _check_activation(call, made)
    call.set(made)


def _separable_convolution(call: ChannelCall) -> None:
    ids = call.last(call.inputs[0])
    call.weights(ids, "consumer", {"depthwise_kernel": -2})
    between = np.repeat(ids, call.config["depth_multiplier"])
    call.weights(between, "consumer", {"pointwise_kernel": -2})
    made = call.new(call.config["filters"])
    call.weights(made, "producer", {"pointwise_kernel": -1, "bias": 0})
    _check_activation(call, made)
    call.set(made)


def _embedding(call: ChannelCall) -> None:
    made = call.new(call.config["output_dim"])
    call.weights(made, "producer", {"embeddings": 1})
    call.set(made)


def _time_distributed(call: ChannelCall) -> None:
    inner = call.config["layer"]
    rule = _STEPWISE.get(inner["class_name"])
    if rule is None:
        raise call.unfit(f"holds a {inner['class_name']}, which is not known")
    if inner["config"].get("data_format") == "channels_first":
        raise call.unfit("has its channels first")
    call.config, call.prefix = inner["config"], "0/"
    rule(call)


_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}


def _recurrent(call: ChannelCall) -> None:
    made = _cell(call, call.layer.kind, call.config, "0/")
    for state in call.inputs[1:]:
        call.join(made, call.last(state))
    for index in range(len(call.outputs)):
        call.set(made, index=index)


def _cell(
    call: ChannelCall, kind: str, config: Mapping[str, Any], prefix: str
) -> np.ndarray:
    """Follows the weights of a recurrent layer, whose gates lie side by side."""
    call.weights(call.last(call.inputs[0]), "consumer", {prefix + "kernel": 0})
    made = call.new(config["units"])
    gates = np.tile(made, _GATES[kind])
    paths = {prefix + name: -1 for name in ("kernel", "recurrent_kernel", "bias")}
    call.weights(gates, "producer", paths)
    call.weights(made, "consumer", {prefix + "recurrent_kernel": 0})
    for key in ("activation", "recurrent_activation"):
        if config.get(key, "linear") not in ELEMENTWISE_ACTIVATIONS:
            call.freeze_ids([made], f"has the activation {config[key]!r}")
    return made


def _bidirectional(call: ChannelCall) -> None:
    inner = call.config["layer"]
    kind, config = inner["class_name"], inner["config"]
    if kind not in _GATES or len(call.inputs) > 1:
        raise call.unfit(f"holds a {kind}, or has states, which is not known")
    other = call.config.get("backward_layer") or inner
    if other["class_name"] != kind or other["config"]["units"] != config["units"]:
        raise call.unfit("has two directions that differ")
    made = _cell(call, kind, config, "0/0/")
    _cell(call, kind, config, "1/0/")  # Keras takes both directions to be as wide.
    mode = call.config["merge_mode"]
    call.set(np.concatenate([made, made]) if mode == "concat" else made)
    for index in range(1, len(call.outputs)):
        call.set(made, index=index)


def _multi_head_attention(call: ChannelCall) -> None:
    config = call.config
    if config.get("use_gate") or config.get("output_shape") is not None:
        raise call.unfit("has a gate or an output_shape")
    query, value, key = (
        call.argument(name, place)
        for place, name in enumerate(("query", "value", "key"))
    )
    key = value if key is None else key
    masks = [t for t in call.inputs if t not in (query, value, key)]
    call.freeze_ids(
        [i for t in masks if (i := call.labels(t).ids) is not None], "masks"
    )
    heads = call.new(config["num_heads"], "heads")
    key_width = call.new(config["key_dim"], "key_dim")
    value_width = call.new(config["value_dim"] or config["key_dim"], "value_dim")
    for number, (taken, width) in enumerate(
        [(query, key_width), (key, key_width), (value, value_width)]
    ):
        call.weights(call.last(taken), "consumer", {f"{number}/kernel": 0})
        call.weights(heads, "producer", {f"{number}/kernel": 1, f"{number}/bias": 0})
        call.weights(width, "producer", {f"{number}/kernel": 2, f"{number}/bias": 1})
    call.weights(heads, "consumer", {"3/kernel": 0})
    call.weights(value_width, "consumer", {"3/kernel": 1})
    made = call.new(call.shape(call.outputs[0])[-1] or 0, "output")
    call.weights(made, "producer", {"3/kernel": 2, "3/bias": 0})
    call.join(made, call.last(query))  # Keras takes the width from the query.
    call.set(made)
    for tensor in call.outputs[1:]:
        call.freeze_ids([heads], "returns the scores of each head")
        call.fix(tensor)


def _attention(call: ChannelCall) -> None:
    query, value, *rest = call.inputs
    given = call.node.arguments[0] if call.node.arguments else ()
    if not isinstance(given, list | tuple) or len(given) != len(call.inputs):
        raise call.unfit("has masks")
    key = rest[0] if rest else value
    ids = call.last(query)
    call.join(ids, call.last(key))
    call.weights(
        ids, "carrier", {"scale": 0} if call.layer.kind == "AdditiveAttention" else {}
    )
    call.set(call.last(value))
    for tensor in call.outputs[1:]:
        call.fix(tensor)


def _batch_normalization(call: ChannelCall) -> None:
    labels, shape = call.labels(call.inputs[0]), call.shape(call.inputs[0])
    axis = call.config["axis"]
    if labels.movable and axis % len(shape) != labels.axis:
        raise call.unfit("normalizes another axis")
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    call.weights(labels.ids, "carrier", dict.fromkeys(names, 0))
    call.set(labels.ids, labels.axis)


def _layer_normalization(call: ChannelCall) -> None:
    """Couples the vectors; its mean over the channels changes when one goes."""
    ids = call.last(call.inputs[0])
    axis = call.config.get("axis", -1)
    (axis,) = axis if isinstance(axis, list | tuple) and len(axis) == 1 else (axis,)
    if not isinstance(axis, int) or axis % len(call.shape(call.inputs[0])) != (
        len(call.shape(call.inputs[0])) - 1
    ):
        raise call.unfit("normalizes other axes than the last")
    call.weights(ids, "carrier", {"gamma": 0, "beta": 0, "scale": 0})
    call.trace.statistics[call.layer.name] = ids
    call.set(ids)


def _layer_scale(call: ChannelCall) -> None:
    """Follows the one vector of the layer, which has no name in Keras 3."""
    ids = call.last(call.inputs[0])
    call.weights(ids, "carrier", {weight.path: 0 for weight in call.layer.weights})
    call.set(ids)


def _prelu(call: ChannelCall) -> None:
    labels = call.labels(call.inputs[0])
    if labels.ids is None or not labels.movable:
        call.fix_all()
        return
    if labels.axis == 0:
        raise call.unfit("has channels on the batch")
    size = call.layer.weight("alpha").shape[labels.axis - 1]
    shared = size == 1  # One number for all channels.
    ids = np.array([FIXED]) if shared else labels.ids
    call.weights(ids, "carrier", {"alpha": labels.axis - 1})
    call.set(labels.ids, labels.axis)


def _normalization(call: ChannelCall) -> None:
    ids = call.last(call.inputs[0])
    if (ids != FIXED).any():
        if call.config.get("mean") is not None or call.config.get("invert"):
            raise call.unfit("has its mean as an argument")
        if any(w.value.shape == (len(ids),) for w in call.layer.weights):
            call.weights(ids, "carrier", {"mean": 0, "variance": 0})
        else:
            raise call.unfit("normalizes other axes than the last")
    call.set(ids)


_STEPWISE: dict[str, Rule] = {
    "Dense": _dense,
    **dict.fromkeys(["Conv1D", "Conv2D", "Conv3D"], _convolution),
    **dict.fromkeys(["DepthwiseConv1D", "DepthwiseConv2D"], _depthwise_convolution),
    **dict.fromkeys(["SeparableConv1D", "SeparableConv2D"], _separable_convolution),
    **dict.fromkeys(
        ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"],
        _transposed_convolution,
    ),
}

LAYER_RULES: dict[str, Rule] = {
    **_STEPWISE,
    "InputLayer": _input_layer,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "TimeDistributed": _time_distributed,
    **dict.fromkeys(_GATES, _recurrent),
    "Bidirectional": _bidirectional,
    "MultiHeadAttention": _multi_head_attention,
    **dict.fromkeys(["Attention", "AdditiveAttention"], _attention),
    "BatchNormalization": _batch_normalization,
    **dict.fromkeys(["LayerNormalization", "RMSNormalization"], _layer_normalization),
    "LayerScale": _layer_scale,
    "PReLU": _prelu,
    "Normalization": _normalization,
}
