"""How layers with weights make channels, hand them on and take them in."""

from collections.abc import Mapping
from typing import Any

import numpy as np

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
        "tf_keras_hard_sigmoid",
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
    """Follows the letters of an equation, such as `"abc,cde->abde"`.

    A letter of the input that only the kernel has too is taken in, one that the result
    has is handed on, and the last letter of the result is made, if it is new.
    """
    equation = call.config["equation"].replace(" ", "")
    labels, rank = call.labels(call.inputs[0]), len(call.shape(call.inputs[0]))
    given, kernel, result = equation.replace("->", ",").split(",")
    if given.endswith("..."):
        raise call.unfit(f"has the equation {equation!r}")
    hidden = "0123456789"[: rank + 3 - len(given)]
    given, result = (term.replace("...", hidden) for term in (given, result))
    letter = given[labels.axis] if labels.movable else ""
    ids = call.along(call.inputs[0], labels.axis)
    axes = {"kernel": kernel.find(letter)} if letter and letter in kernel else {}
    if letter and letter in result:
        if letter in (call.config.get("bias_axes") or ""):
            axes["bias"] = result.index(letter) - len(result)
        call.weights(ids, "carrier", axes)
        call.unchanged(["kernel", "bias"])
        made, axis = ids, result.index(letter)
    else:
        if letter and letter not in kernel:
            raise call.unfit("sums over the channels")
        call.weights(ids, "consumer", axes)
        axis = len(result) - 1
        made = call.along(call.outputs[0], axis)
        if result[-1] in kernel and result[-1] not in given:
            made = call.new(len(made))
            axes = {"kernel": kernel.index(result[-1])}
            if result[-1] in (call.config.get("bias_axes") or ""):
                axes["bias"] = -1
            call.weights(made, "producer", axes)
        call.unchanged(["kernel", "bias"])
    _check_activation(call, made)
    call.set(made, axis)


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
    if inner["class_name"] not in _STEPWISE:
        raise call.unfit(f"holds a {inner['class_name']}, which is not known")
    if inner["config"].get("data_format") == "channels_first":
        raise call.unfit("has its channels first")
    call.config, call.prefix = dict(inner["config"]), "0/"
    axis = call.config.get("axis")
    if isinstance(axis, int) and axis >= 0:  # Counted without the axis of steps.
        call.config["axis"] = axis + 1
    call.trace.rules[inner["class_name"]](call)


_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_CONVOLUTIONAL_GATES = {"ConvLSTM1D": 4, "ConvLSTM2D": 4, "ConvLSTM3D": 4}


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
    call.weights(call.last(call.inputs[0]), "consumer", {prefix + "kernel": -2})
    convolutional = kind in _CONVOLUTIONAL_GATES
    made = call.new(config["filters" if convolutional else "units"])
    gates = np.tile(made, {**_GATES, **_CONVOLUTIONAL_GATES}[kind])
    paths = {prefix + name: -1 for name in ("kernel", "recurrent_kernel", "bias")}
    call.weights(gates, "producer", paths)
    call.weights(made, "consumer", {prefix + "recurrent_kernel": -2})
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
    width = config.get("output_shape")
    if config.get("use_gate") or (width is not None and np.size(width) > 1):
        raise call.unfit("has a gate or an output_shape of several axes")
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
    for number, (taken, ids) in enumerate(
        [(query, key_width), (key, key_width), (value, value_width)]
    ):
        call.weights(call.last(taken), "consumer", {f"{number}/kernel": 0})
        call.weights(heads, "producer", {f"{number}/kernel": 1, f"{number}/bias": 0})
        call.weights(ids, "producer", {f"{number}/kernel": 2, f"{number}/bias": 1})
    call.weights(heads, "consumer", {"3/kernel": 0})
    call.weights(value_width, "consumer", {"3/kernel": 1})
    made = call.new(call.shape(call.outputs[0])[-1] or 0, "output")
    call.weights(made, "producer", {"3/kernel": 2, "3/bias": 0})
    if width is None:  # Keras takes it from the query.
        call.join(made, call.last(query))
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


_KERNEL_RULES: dict[str, Rule] = {
    "Dense": _dense,
    **dict.fromkeys(["Conv1D", "Conv2D", "Conv3D"], _convolution),
    **dict.fromkeys(["DepthwiseConv1D", "DepthwiseConv2D"], _depthwise_convolution),
    **dict.fromkeys(["SeparableConv1D", "SeparableConv2D"], _separable_convolution),
    **dict.fromkeys(
        ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"],
        _transposed_convolution,
    ),
}

# What TimeDistributed may hold: layers whose rules hold with one more axis in front.
_STEPWISE = frozenset(
    [
        *_KERNEL_RULES,
        *("Activation", "Dropout", "ELU", "Flatten", "LeakyReLU", "ReLU"),
        *("BatchNormalization", "LayerNormalization", "RMSNormalization"),
        *(
            f"{name}Pooling{axes}D"
            for axes in (1, 2, 3)
            for name in ("Max", "Average", "GlobalMax", "GlobalAverage")
        ),
    ]
)

LAYER_RULES: dict[str, Rule] = {
    **_KERNEL_RULES,
    "InputLayer": _input_layer,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "TimeDistributed": _time_distributed,
    **dict.fromkeys([*_GATES, *_CONVOLUTIONAL_GATES], _recurrent),
    "Bidirectional": _bidirectional,
    "MultiHeadAttention": _multi_head_attention,
    **dict.fromkeys(["Attention", "AdditiveAttention"], _attention),
}
